"""The app for mod_wsgi, which looks for the name `application`."""

from zoo_app import app as application
