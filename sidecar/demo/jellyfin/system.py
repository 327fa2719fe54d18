"""Routes about the server itself: information, first start, libraries, the scan, tasks, shutting down."""

from typing import Any

import flask

from sidecar.demo.jellyfin.ask import Ask
from sidecar.demo.jellyfin.routes import Handler
from sidecar.demo.jellyfin.wire import TICKS, Refused, hashed, lean, moment, named, problem, read_body

REPOSITORY = "https://repo.jellyfin.org/files/plugin/manifest.json"
HOUR = 3600 * TICKS
# key, name, category, when: every so many hours, at each start, daily from an hour on for so many hours
TASKS = tuple(line.split(";") for line in """AudioNormalization;Audio Normalization;Library;24
CleanActivityLog;Clean Activity Log;Maintenance;
DeleteCacheFiles;Clean Cache Directory;Maintenance;24
CleanLogFiles;Clean Log Directory;Maintenance;24
DeleteTranscodeFiles;Clean Transcode Directory;Maintenance;start 24
CleanCollectionsAndPlaylists;Clean up collections and playlists;Maintenance;start
DownloadLyrics;Download missing lyrics;Library;24
DownloadSubtitles;Download missing subtitles;Library;24
RefreshChapterImages;Extract Chapter Images;Library;daily-2-4
RefreshTrickplayImages;Generate Trickplay Images;Library;daily-3
KeyframeExtraction;Keyframe Extractor;Library;
TaskExtractMediaSegments;Media Segment Scan;Library;12
MoveTrickplayImages;Migrate Trickplay Image Location;Maintenance;
OptimizeDatabaseTask;Optimize database;Maintenance;6
RefreshPeople;Refresh People;Library;168
RefreshLibrary;Scan Media Library;Library;12
PluginUpdates;Update Plugins;Application;start 24
CleanupUserDataTask;User data cleanup task;Maintenance;""".splitlines())  # fmt: skip
ONCE = ("RefreshLibrary", "PluginUpdates", "DeleteTranscodeFiles", "CleanCollectionsAndPlaylists")
LIBRARY_OFF = (
    "EnableRealtimeMonitor EnableLUFSScan EnableChapterImageExtraction ExtractChapterImagesDuringLibraryScan "
    "EnableTrickplayImageExtraction ExtractTrickplayImagesDuringLibraryScan SaveLocalMetadata EnableInternetProviders "
    "EnableEmbeddedTitles EnableEmbeddedExtrasTitles EnableEmbeddedEpisodeInfos "
    "SkipSubtitlesIfEmbeddedSubtitlesPresent SaveLyricsWithMedia SaveTrickplayWithMedia PreferNonstandardArtistsTag "
    "UseCustomTagDelimiters AutomaticallyAddToCollection"
)
LIBRARY_ON = (
    "Enabled EnablePhotos EnableAutomaticSeriesGrouping SkipSubtitlesIfAudioTrackMatches RequirePerfectSubtitleMatch "
    "SaveSubtitlesWithMedia"
)
LIBRARY_NONE = (
    "DisabledLocalMetadataReaders DisabledSubtitleFetchers SubtitleFetcherOrder DisabledMediaSegmentProviders "
    "MediaSegmentProviderOrder DisabledLyricFetchers LyricFetcherOrder DelimiterWhitelist"
)
TYPE_NONE = "MetadataFetchers MetadataFetcherOrder ImageFetchers ImageFetcherOrder ImageOptions"
TYPES = {"movies": ["Movie"], "tvshows": ["Series", "Season", "Episode"]}


def public(ask: Ask) -> Any:
    """What everybody may know."""
    server = ask.server
    return {
        "LocalAddress": flask.request.host_url.rstrip("/"), "ServerName": server.wizard["ServerName"], "Id": server.id,
        "Version": server.version, "ProductName": "Jellyfin Server", "OperatingSystem": "",
        "StartupWizardCompleted": server.wizard["done"],
    }  # fmt: skip


def info(ask: Ask) -> Any:
    """What administrators may know."""
    off = ("HasPendingRestart", "IsShuttingDown", "CanLaunchWebBrowser", "HasUpdateAvailable")
    paths = {"ItemsByNamePath": "metadata", "CachePath": "cache", "LogPath": "log", "InternalMetadataPath": "metadata"}
    return public(ask) | dict.fromkeys(off, False) | {name: f"/config/{path}" for name, path in paths.items()} | {
        "OperatingSystemDisplayName": "", "SupportsLibraryMonitor": True, "CompletedInstallations": [],
        "WebSocketPortNumber": int(flask.request.host.rpartition(":")[2] or 80), "CanSelfRestart": True,
        "ProgramDataPath": "/config", "WebPath": "/jellyfin/jellyfin-web", "EncoderLocation": "System",
        "TranscodingTempPath": "/config/cache/transcodes", "SystemArchitecture": "X64",
        "CastReceiverApplications": [{"Id": "F007D354", "Name": "Stable"}, {"Id": "6F511C87", "Name": "Unstable"}],
    }  # fmt: skip


def configuration(ask: Ask) -> Any:
    """The part of the configuration that decides what playing writes and who is let in."""
    return {
        "MinResumePct": 5, "MaxResumePct": 90, "MinResumeDurationSeconds": 300, "InactiveSessionThreshold": 0,
        "LibraryUpdateDuration": 30, "QuickConnectAvailable": ask.server.control.switches["quick_connect"],
        "EnableLegacyAuthorization": ask.server.control.switches["legacy_authorization"], "ServerName": "test",
        "EnableGroupingMoviesIntoCollections": False, "IsStartupWizardCompleted": ask.server.wizard["done"],
    }  # fmt: skip


def startup(ask: Ask) -> Any:
    """The wizard of the first start: open until it is completed, then closed."""
    server, step = ask.server, ask.path["step"].lower()
    if server.wizard["done"]:
        raise Refused(403 if ask.caller.name else 401, None)
    if ask.method == "GET":
        language = {"UICulture": "en-US", "MetadataCountryCode": "US", "PreferredMetadataLanguage": "en"}
        return {"Name": "root"} if step == "user" else {"ServerName": ""} | language
    body = read_body("startupUserDto") if step != "complete" else {}
    if step == "user" and not body.get("Password"):
        raise Refused(400, "Password must not be empty")
    if step == "user":
        server.people.add(body["Name"], body["Password"], admin=True)
    server.wizard |= {"ServerName": body["ServerName"]} if "ServerName" in body else {}
    server.wizard["done"] = step == "complete"
    return None


def folders(ask: Ask) -> Any:
    """The libraries as administrators see them."""
    none = TYPE_NONE + (" SimilarItemProviders SimilarItemProviderOrder" if ask.server.modern else "")
    rows = []
    for item in ask.server.shelf.libraries():
        kind, paths = item.extra["CollectionType"], item.extra["Locations"]
        types = item.extra.get("Types", TYPES.get(kind, []))
        options = named(LIBRARY_OFF, False) | named(LIBRARY_ON, True) | named(LIBRARY_NONE, ()) | {
            "AutomaticRefreshIntervalDays": 0, "PathInfos": [{"Path": path} for path in paths],
            "SeasonZeroDisplayName": "Specials", "AllowEmbeddedSubtitles": "AllowAll",
            "CustomTagDelimiters": ["/", "|", ";", "\\"], "SaveLocalMetadata": kind == "boxsets",
            "TypeOptions": [{"Type": name} | named(none, ()) for name in types],
        }  # fmt: skip
        if item.type == "CollectionFolder":
            row = {"Name": item.name, "Locations": paths, "CollectionType": kind, "LibraryOptions": options}
            rows.append(lean(row | {"ItemId": item.id, "RefreshStatus": "Idle"}))
    return rows


def add_folder(ask: Ask) -> None:
    """A new library; what lies in its folder comes with the next scan."""
    name = ask.query.text("name") or ""
    body = read_body("libraryOptionsDto") if flask.request.get_data() else {}
    given = body.get("LibraryOptions") or {}
    paths = [info["Path"] for info in given.get("PathInfos", [])] or ask.query.names("paths")
    shelf = ask.server.shelf
    if name not in [item.name for item in shelf.libraries()]:
        library = shelf.add_library(name.lower(), name, ask.query.text("collectionType"), paths, ask.server.now())
        library.extra["Types"] = [row["Type"] for row in given.get("TypeOptions", [])]
    if ask.query.flag("refreshLibrary"):
        ask.server.scan()


def drop_folder(ask: Ask) -> None:
    """A library goes, with its items at once."""
    server, name = ask.server, ask.query.text("name")
    library = next((item for item in server.shelf.libraries() if item.name == name), None)
    if library is None:
        raise Refused(404)
    gone = [item for item in server.finder.all() if item.library == library.library]
    for item in gone:
        server.data.detach(item)
        server.shelf.items.pop(item.id, None)
        server.shelf.by_path.pop(item.path, None)
    server.shelf.generation += 1
    server.found([], gone)
    server.sockets.library_changed(ItemsRemoved=[item.id for item in gone], FoldersRemovedFrom=[server.shelf.root.id])


def trigger(text: str) -> dict[str, Any]:
    """When a task runs by itself."""
    if text == "start":
        return {"Type": "StartupTrigger"}
    if text.isdigit():
        return {"Type": "IntervalTrigger", "IntervalTicks": int(text) * HOUR}
    _, begin, *most = text.split("-")
    longest = {"MaxRuntimeTicks": int(most[0]) * HOUR} if most else {}
    return {"Type": "DailyTrigger", "TimeOfDayTicks": int(begin) * HOUR} | longest


def tasks(ask: Ask) -> Any:
    """The scheduled tasks, or one of them."""
    server, rows = ask.server, []
    for key, name, category, when in TASKS:
        if server.modern and key == "CleanCollectionsAndPlaylists":
            continue
        known, ran = hashed("task", key), server.scanned
        running = key in server.running
        result = {"StartTimeUtc": moment(ran), "EndTimeUtc": moment(ran), "Status": "Completed"}
        result |= {"Name": name, "Key": key, "Id": known}
        rows.append(lean({
            "Name": name, "State": "Running" if running else "Idle", "Id": known, "Description": f"{name}.",
            "CurrentProgressPercentage": server.running.get(key), "Category": category, "IsHidden": False, "Key": key,
            "LastExecutionResult": result if key in ONCE else None,
            "Triggers": [trigger(text) for text in when.split()],
        }))  # fmt: skip
    if "taskId" not in ask.path:
        return rows
    found = next((row for row in rows if row["Id"] == ask.id("taskId")), None)
    if found is None:
        raise problem(404)
    return found


def run_task(ask: Ask) -> None:
    """Starts or cancels a task; the scan of a small library is over at once, unless a switch keeps it running."""
    task = tasks(ask)
    if ask.method == "DELETE" and not ask.server.running.pop(task["Key"], None):
        raise Refused(500)
    if ask.method == "POST" and task["Key"] == "RefreshLibrary":
        scan(ask)


def scan(ask: Ask) -> None:
    """Scans all libraries."""
    if ask.server.control.switches["scan_running"]:
        ask.server.running["RefreshLibrary"] = 42.0
    else:
        ask.server.running.pop("RefreshLibrary", None)
        ask.server.scan()


def refresh_item(ask: Ask) -> None:
    """Reads an item's metadata again, which finds the same."""
    ask.item(None)


ROUTES: list[tuple[str, str, str, Handler]] = [
    ("GET", "system/info/public", "open", public),
    ("GET", "system/info", "admin", info),
    ("GET", "system/configuration", "user", configuration),
    ("GET", "system/endpoint", "user", lambda _: {"IsLocal": True, "IsInNetwork": True}),
    ("GET,POST", "system/ping", "open", lambda _: "Jellyfin Server"),
    ("GET", "health", "open", lambda _: flask.Response("Healthy", content_type="text/plain")),
    ("POST", "system/shutdown", "admin", lambda ask: ask.server.halt(again=False)),
    ("POST", "system/restart", "admin", lambda ask: ask.server.halt(again=True)),
    ("GET,POST", "startup/<step>", "open", startup),
    ("GET", "library/virtualfolders", "admin", folders),
    ("POST", "library/virtualfolders", "admin", add_folder),
    ("DELETE", "library/virtualfolders", "admin", drop_folder),
    ("POST", "library/refresh", "admin", scan),
    ("POST", "items/<itemId>/refresh", "admin", refresh_item),
    ("GET", "scheduledtasks", "admin", tasks),
    ("GET", "scheduledtasks/<taskId>", "admin", tasks),
    ("POST,DELETE", "scheduledtasks/running/<taskId>", "admin", run_task),
    ("GET", "plugins", "admin", lambda _: []),
    ("GET", "packages", "user", lambda _: []),
    ("GET", "repositories", "admin", lambda _: [{"Name": "Jellyfin Stable", "Url": REPOSITORY, "Enabled": True}]),
]  # fmt: skip
