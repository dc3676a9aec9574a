"""The routes of ``/api/v1`` and of the page, one file per subject; each exports ``HANDLERS``."""
