"""Settings: defaults, `RAGSVC_*` environment variables and `.env`; passed on as values."""

from ragsvc.settings.settings import Settings

__all__ = ["Settings"]
