"""The page of a training report: template and style."""
