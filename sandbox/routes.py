"""The endpoints of Notion's API: those the sandbox has, and those it refuses loudly."""

from sandbox.api_data_sources import query_data_source, retrieve_data_source, update_data_source
from sandbox.api_databases import create_database, retrieve_database, update_database
from sandbox.api_pages import create_page, retrieve_page, retrieve_property, update_page
from sandbox.api_users import retrieve_me, retrieve_user
from sandbox.call import Route

_HERE = (
    Route("POST", "/v1/databases", create_database),
    Route("GET", "/v1/databases/{database_id}", retrieve_database),
    Route("PATCH", "/v1/databases/{database_id}", update_database),
    Route("GET", "/v1/data_sources/{data_source_id}", retrieve_data_source),
    Route("PATCH", "/v1/data_sources/{data_source_id}", update_data_source),
    Route("POST", "/v1/data_sources/{data_source_id}/query", query_data_source),
    Route("POST", "/v1/pages", create_page),
    Route("GET", "/v1/pages/{page_id}", retrieve_page),
    Route("PATCH", "/v1/pages/{page_id}", update_page),
    Route("GET", "/v1/pages/{page_id}/properties/{property_id}", retrieve_property),
    Route("GET", "/v1/users/me", retrieve_me),
    Route("GET", "/v1/users/{user_id}", retrieve_user),
)

_ELSEWHERE = (
    ("GET", "/v1/users"),
    ("POST", "/v1/search"),
    ("POST", "/v1/data_sources"),
    ("GET", "/v1/data_sources/{data_source_id}/templates"),
    ("POST", "/v1/pages/{page_id}/move"),
    ("GET", "/v1/pages/{page_id}/markdown"),
    ("PATCH", "/v1/pages/{page_id}/markdown"),
    ("GET", "/v1/blocks/{block_id}"),
    ("PATCH", "/v1/blocks/{block_id}"),
    ("DELETE", "/v1/blocks/{block_id}"),
    ("GET", "/v1/blocks/{block_id}/children"),
    ("PATCH", "/v1/blocks/{block_id}/children"),
    ("POST", "/v1/blocks/meeting_notes/query"),
    ("GET", "/v1/views"),
    ("POST", "/v1/views"),
    ("GET", "/v1/views/{view_id}"),
    ("PATCH", "/v1/views/{view_id}"),
    ("DELETE", "/v1/views/{view_id}"),
    ("POST", "/v1/views/{view_id}/queries"),
    ("GET", "/v1/views/{view_id}/queries/{query_id}"),
    ("DELETE", "/v1/views/{view_id}/queries/{query_id}"),
    ("GET", "/v1/comments"),
    ("POST", "/v1/comments"),
    ("GET", "/v1/comments/{comment_id}"),
    ("PATCH", "/v1/comments/{comment_id}"),
    ("DELETE", "/v1/comments/{comment_id}"),
    ("GET", "/v1/custom_emojis"),
    ("GET", "/v1/file_uploads"),
    ("POST", "/v1/file_uploads"),
    ("GET", "/v1/file_uploads/{file_upload_id}"),
    ("POST", "/v1/file_uploads/{file_upload_id}/send"),
    ("POST", "/v1/file_uploads/{file_upload_id}/complete"),
    ("POST", "/v1/oauth/token"),
    ("POST", "/v1/oauth/introspect"),
    ("POST", "/v1/oauth/revoke"),
)

ROUTES = (*_HERE, *(Route(method, path, None) for method, path in _ELSEWHERE))
"""Every endpoint that Notion documents; those without a function answer 501."""
