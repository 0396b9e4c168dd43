"""Views of the responses, by what they are about; see `ragsvc.service.json_values`."""
