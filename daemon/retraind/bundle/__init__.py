"""The bundle: the one file that is uploaded, how it is compressed, and where it is kept until it is sent.

Nothing here talks to the service or moves a delivery.
"""
