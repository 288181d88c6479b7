"""What mod_wsgi loads; it looks for the name `application` (PEP 3333 calls it that too)."""

from zoo_app import app as application
