"""Reading files and cutting their text into chunks."""
