"""Bytes to readings and back: JavaScript in a sandbox, Python codecs, Cayenne LPP, SenML."""

from clapas.codecs.job import Decoded, DecodeJob
from clapas.codecs.pool import CodecPool, Encoded

__all__ = ["CodecPool", "DecodeJob", "Decoded", "Encoded"]
