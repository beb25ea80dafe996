"""The endpoints of Notion's API: those that the sandbox supports, and those that answer 501."""

from notion_sandbox.endpoints.blocks import (
    append_children,
    delete_block,
    list_children,
    retrieve_block,
    update_block,
)
from notion_sandbox.endpoints.comments import (
    create_comment,
    delete_comment,
    list_comments,
    retrieve_comment,
    update_comment,
)
from notion_sandbox.endpoints.data_sources import (
    create_data_source,
    list_templates,
    query_data_source,
    retrieve_data_source,
    update_data_source,
)
from notion_sandbox.endpoints.databases import create_database, retrieve_database, update_database
from notion_sandbox.endpoints.file_uploads import (
    complete_file_upload,
    create_file_upload,
    list_file_uploads,
    retrieve_file_upload,
    send_file_upload,
)
from notion_sandbox.endpoints.page_moves import move_page
from notion_sandbox.endpoints.pages import (
    create_page,
    retrieve_page,
    retrieve_property,
    update_page,
)
from notion_sandbox.endpoints.search import search
from notion_sandbox.endpoints.users import list_users, retrieve_me, retrieve_user
from notion_sandbox.endpoints.view_queries import (
    create_view_query,
    delete_view_query,
    retrieve_view_query,
)
from notion_sandbox.endpoints.views import (
    create_view,
    delete_view,
    list_views,
    retrieve_view,
    update_view,
)
from notion_sandbox.request.call import Route

_SUPPORTED = (
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
    Route("POST", "/v1/pages/{page_id}/move", move_page),
    Route("POST", "/v1/data_sources", create_data_source),
    Route("GET", "/v1/data_sources/{data_source_id}/templates", list_templates),
    Route("GET", "/v1/views", list_views),
    Route("POST", "/v1/views", create_view),
    Route("GET", "/v1/views/{view_id}", retrieve_view),
    Route("PATCH", "/v1/views/{view_id}", update_view),
    Route("DELETE", "/v1/views/{view_id}", delete_view),
    Route("POST", "/v1/views/{view_id}/queries", create_view_query),
    Route("GET", "/v1/views/{view_id}/queries/{query_id}", retrieve_view_query),
    Route("DELETE", "/v1/views/{view_id}/queries/{query_id}", delete_view_query),
    Route("GET", "/v1/blocks/{block_id}", retrieve_block),
    Route("PATCH", "/v1/blocks/{block_id}", update_block),
    Route("DELETE", "/v1/blocks/{block_id}", delete_block),
    Route("GET", "/v1/blocks/{block_id}/children", list_children),
    Route("PATCH", "/v1/blocks/{block_id}/children", append_children),
    Route("GET", "/v1/comments", list_comments),
    Route("POST", "/v1/comments", create_comment),
    Route("GET", "/v1/comments/{comment_id}", retrieve_comment),
    Route("PATCH", "/v1/comments/{comment_id}", update_comment),
    Route("DELETE", "/v1/comments/{comment_id}", delete_comment),
    Route("POST", "/v1/search", search),
    Route("GET", "/v1/file_uploads", list_file_uploads),
    Route("POST", "/v1/file_uploads", create_file_upload),
    Route("GET", "/v1/file_uploads/{file_upload_id}", retrieve_file_upload),
    Route("POST", "/v1/file_uploads/{file_upload_id}/send", send_file_upload, takes_form=True),
    Route("POST", "/v1/file_uploads/{file_upload_id}/complete", complete_file_upload),
    Route("GET", "/v1/users", list_users),
    Route("GET", "/v1/users/me", retrieve_me),
    Route("GET", "/v1/users/{user_id}", retrieve_user),
)

_UNSUPPORTED = (
    ("GET", "/v1/pages/{page_id}/markdown"),
    ("PATCH", "/v1/pages/{page_id}/markdown"),
    ("POST", "/v1/blocks/meeting_notes/query"),
    ("GET", "/v1/custom_emojis"),
    ("POST", "/v1/oauth/token"),
    ("POST", "/v1/oauth/introspect"),
    ("POST", "/v1/oauth/revoke"),
)

ROUTES = (*_SUPPORTED, *(Route(method, path, None) for method, path in _UNSUPPORTED))
"""Every endpoint that Notion documents; those without a function answer 501."""
