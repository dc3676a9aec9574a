"""The HTTP door of the broker: clause 6 of GS CIM 009, by hand, so that every status and header is ours."""
