#!/bin/sh
# Makes configure and its kin from configure.ac and Makefile.am.
set -e
cd "$(dirname "$0")"
autoreconf --install --force --warnings=all,no-unsupported
