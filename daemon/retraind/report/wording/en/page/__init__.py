"""The status page. Its templates have no words of their own."""
