"""The vendor's REST API: the four calls, the upload, the credentials."""
