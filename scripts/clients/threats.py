"""Reads all threats with the library gql, page by page, and then polls for changes once.

    pip install "gql[requests]"
    GATEWAY_KEY=agk_... python3 scripts/clients/threats.py http://127.0.0.1:4000/graphql
"""

import json
import os
import sys
import time

from gql import Client, gql
from gql.transport.exceptions import TransportQueryError, TransportServerError
from gql.transport.requests import RequestsHTTPTransport

THREATS = gql("""
query AllThreats($after: String) {
  threats(first: 100, after: $after) {
    asOf
    totalCount
    nodes { threatId subject receivedTime remediation { state } }
    pageInfo { hasNextPage endCursor }
    coverage { complete gaps { from to reason } }
    freshness { stale reason }
  }
}
""")

CHANGES = gql("""
query ChangedThreats($since: DateTime, $after: String) {
  changes(since: $since, after: $after, kinds: [THREAT], first: 100) {
    nodes { recordId change observedFrom }
    tail { cursor asOf caughtUp nextPollAt }
  }
}
""")

RETRIED = {
    "RATE_LIMITED",
    "SHUTTING_DOWN",
    "AUTHENTICATION_UNAVAILABLE",
    "HISTORY_UNAVAILABLE",
    "UPSTREAM_UNAVAILABLE",
    "TIMEOUT",
}

url = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:4000/graphql"
key = os.environ.get("GATEWAY_KEY", "")
headers = {"authorization": f"Bearer {key}"} if key else {}
transport = RequestsHTTPTransport(url=url, headers=headers, retries=0)
client = Client(transport=transport, fetch_schema_from_transport=False)


def ask(document, **variables):
    """Returns the data; decides by the code of an error or the HTTP status, never by the message."""
    for attempt in range(1, 6):
        try:
            return client.execute(document, variable_values=variables)
        except TransportQueryError as error:
            code = error.errors[0].get("extensions", {}).get("code")
            again = code in RETRIED
        except TransportServerError as error:
            # an answer that is not GraphQL's, such as a proxy's
            code = error.code
            again = code in (429, 502, 503, 504)
        if attempt == 5 or not again:
            sys.exit(f"{url} answers {code}")
        time.sleep(int((transport.response_headers or {}).get("retry-after", 2**attempt)))
    raise RuntimeError("unreachable")


threats = []
after = None
while True:
    page = ask(THREATS, after=after)["threats"]
    threats += page["nodes"]
    after = page["pageInfo"]["endCursor"]
    if not page["pageInfo"]["hasNextPage"]:
        break

if not page["coverage"]["complete"]:
    print("The list is not complete:", page["coverage"]["gaps"], file=sys.stderr)

changes = ask(CHANGES, since=page["asOf"])["changes"]
print(
    json.dumps(
        {
            "totalCount": page["totalCount"],
            "threats": len(threats),
            "changed": len(changes["nodes"]),
            "continueWith": changes["tail"]["cursor"],
        }
    )
)
sys.exit(0 if len(threats) == page["totalCount"] else 1)
