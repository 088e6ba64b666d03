"""A sentence for each way in which a cPanel or WHM server gives no numbers. The cPanel source and its ways in enter."""

from __future__ import annotations

from tui.sources.cpanel_place import CREDENTIALS, Place
from tui.sources.cpanel_wire import Call, NoAnswer, Trouble

PRIVILEGES = {Call.ALL: "track-email", Call.LIST: "list-accts", Call.STATS: "cpanel-api and track-email"}
"""The WHM privileges (ACLs) that each call needs."""

LOGIN_CALL = "login"


def sentence(place: Place, error: NoAnswer, *calls: str) -> str:
    """Why ``calls`` gave no numbers: what, where, what to do."""
    call = " and ".join(calls)
    said = f'"{error.reason}"'
    match error.trouble:
        case Trouble.REFUSED:
            return f"{place} refuses {call} to {_whom(place)} ({said}): {_permit(place, calls)}."
        case Trouble.LOGIN_PAGE:
            return (
                f"{place} answers {call} with its login page instead of numbers, so it did not accept "
                f"{_whom(place)}: check `login` and `user`, and that `url` has the port for them "
                "(2087 for WHM, 2083 for cPanel)."
            )
        case Trouble.TWO_FACTOR:
            return (
                f"{place} asks {place.user} for a two-factor code, which mailtop cannot give: use an API token, "
                'with `login = "whm"` or `login = "cpanel"`.'
            )
        case Trouble.NO_FUNCTION:
            return (
                f"{place} does not offer {call} ({said}): check that `url` names a cPanel or WHM server whose mail "
                "role is on."
            )
        case Trouble.FAILED:
            return f"{place} failed at {call} ({said}): look into /usr/local/cpanel/logs/error_log on that server."
        case Trouble.GARBLED:
            return (
                f"{place} did not answer {call} as cPanel does ({error.reason}): check that `url` names a cPanel or "
                "WHM server, and what stands between."
            )


def _whom(place: Place) -> str:
    return "this user" if place.login == "cli" else f"{place.user} with this {CREDENTIALS[place.login]}"


def _permit(place: Place, calls: tuple[str, ...]) -> str:
    """What to do so that the calls are allowed."""
    if place.login == "cli":
        return "run mailtop as root"
    if LOGIN_CALL in calls:
        return "check user and password"
    if place.login == "cpanel":
        where = "cPanel » Security » Manage API Tokens"
        wrong_door = "; WHM's port 2087 takes no such token" if place.host.endswith(":2087") else ""
        return f"check user and token, and make a new one in {where} where it has expired{wrong_door}"
    needed = ", ".join(dict.fromkeys(PRIVILEGES[Call(call)] for call in calls))
    if place.login == "whm":
        wrong_door = "; cPanel's port 2083 takes no such token" if place.host.endswith(":2083") else ""
        where = "WHM » Development » Manage API Tokens"
        return f"check user and token, and that the token has the privileges {needed} in {where}{wrong_door}"
    where = "WHM » Resellers » Edit Reseller Nameservers and Privileges"
    return f"check user and password, and that the user has the privileges {needed} in {where}"
