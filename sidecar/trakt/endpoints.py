"""Everything that Trakt ever hears from us: each request that may be sent, with what it is for and whom it is about.

Nothing else can be sent. docs/trakt-endpoints.md says the same to people.
"""

ENDPOINTS = {
    "POST /oauth/device/code": "Asks for a code that a person types in; names our app, nobody else.",
    "POST /oauth/device/token": "Asks whether the code was typed in; brings the tokens of the person who did.",
    "POST /oauth/token": "Exchanges a token pair for a new one; names the link.",
    "POST /oauth/revoke": "Ends a link; the account itself stays as it is.",
    "GET /sync/last_activities": "Reads when each feature last changed, and nothing of what changed.",
    "GET /users/settings": "Reads the public name, whether the account is VIP, its limits and two habits of watching.",
    "GET /sync/history": "Reads plays of all types, all or those between two moments.",
    "GET /sync/history/{type}": "Reads plays of one type.",
    "GET /sync/history/{type}/{id}": "Reads the plays of one title.",
    "GET /sync/watched/{type}": "Reads which titles were watched, and when.",
    "GET /sync/ratings/{type}": "Reads ratings.",
    "GET /sync/watchlist/{type}": "Reads the person's own watchlist; no other list, ever.",
    "GET /sync/collection/{type}": "Reads what is collected.",
    "GET /search/{source}/{id}": "Asks what an id stands for, without a token: Trakt does not learn who asks for whom.",
    "GET /shows/{id}/seasons": "Reads the episodes of a show, without a token.",
    "POST /sync/history": "Tells plays with their moments.",
    "POST /sync/history/remove": "Removes single plays by their own ids.",
    "POST /sync/ratings": "Tells ratings.",
    "POST /sync/ratings/remove": "Removes ratings.",
    "POST /sync/watchlist": "Puts titles on the watchlist.",
    "POST /sync/watchlist/remove": "Takes titles off the watchlist.",
    "POST /sync/collection": "Tells what is collected, with the kind of copy.",
    "POST /sync/collection/remove": "Takes titles out of the collection.",
    "POST /scrobble/{action}": "Tells what is being watched now, and how far.",
}
