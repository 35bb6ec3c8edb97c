"""Encoder and decoder, put together."""
