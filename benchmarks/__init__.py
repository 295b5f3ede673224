"""Benchmarks: botcannon beside its peers, in one session. No part of the package, nor of its tests."""
