"""The real plexapi as these tests use it: without anybody's own settings, in UTC, and untyped as most of it is."""

import os
from typing import Any

os.environ["PLEXAPI_CONFIG_PATH"] = "/nonexistent/plexapi.ini"  # before plexapi is imported
os.environ["PLEXAPI_HEADER_IDENTIFIER"] = "sidetrakt-tests"

import plexapi.alert
import plexapi.myplex
import plexapi.server
import plexapi.utils as plexapi_utils

PlexServer: Any = plexapi.server.PlexServer
MyPlexAccount: Any = plexapi.myplex.MyPlexAccount
MyPlexPinLogin: Any = plexapi.myplex.MyPlexPinLogin
AlertListener: Any = plexapi.alert.AlertListener
settings: Any = plexapi_utils
settings.setDatetimeTimezone("UTC")
