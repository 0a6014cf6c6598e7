"""The one list shape of the API: `{"count", "next", "previous", "results"}`."""

from rest_framework.pagination import PageNumberPagination


class Page(PageNumberPagination):
    """`?page=` from 1, `?page_size=` up to 200."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200
