"""What the admin pages of all apps share."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString


class LookOnlyMixin:
    """Rows that are derived, or come from Spotify: an edit here would break an invariant or be overwritten."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


# The stubs make these generic; Django itself does not.
if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
    _TabularInline = admin.TabularInline[Any, Any]
else:
    _ModelAdmin, _TabularInline = admin.ModelAdmin, admin.TabularInline


class LookOnlyAdmin(LookOnlyMixin, _ModelAdmin):
    # No COUNT over the whole table beside the filtered one.
    show_full_result_count = False
    list_per_page = 50


class LookOnlyInline(LookOnlyMixin, _TabularInline):
    extra = 0
    can_delete = False
    show_change_link = False


def cover(url: str, side: int = 40) -> SafeString | str:
    """Spotify's artwork, whole and loaded from its own address, as their terms want it."""
    if not url.startswith(("https://", "http://127.0.0.1")):
        return ""
    return format_html(
        '<img src="{}" width="{}" height="{}" alt="" loading="lazy" referrerpolicy="no-referrer">', url, side, side
    )


def duration(milliseconds: int | None) -> str:
    return "" if milliseconds is None else f"{milliseconds // 60000}:{milliseconds // 1000 % 60:02}"
