"""Owns who may call what: one table of every route, unversioned; its `/api/v1` twin follows it.

A route without a line here keeps the application from starting.
"""

from collections.abc import Mapping
from enum import Enum

from cloud.identity.schemas import Role


class Open(Enum):
    """A route that no role decides about."""

    PUBLIC = "anybody may call it"
    GATEWAY = "only a gateway's token opens it"


EVERYBODY = frozenset(Role)
PLANNERS = frozenset({Role.PLANNER, Role.ADMIN})
ADMINS = frozenset({Role.ADMIN})

ACCESS: Mapping[str, frozenset[Role] | Open] = {
    # operations
    "GET /health/live": Open.PUBLIC,
    "GET /health/ready": Open.PUBLIC,
    "GET /health/schema": Open.PUBLIC,
    "GET /metrics": Open.PUBLIC,
    # identity
    "POST /auth/register": Open.PUBLIC,
    "POST /auth/login": Open.PUBLIC,
    "POST /auth/refresh": Open.PUBLIC,
    "POST /auth/logout": EVERYBODY,
    "GET /auth/me": EVERYBODY,
    "POST /auth/password": EVERYBODY,
    "POST /auth/users": ADMINS,
    "GET /auth/users": ADMINS,
    "GET /auth/users/{user_id}": ADMINS,
    "PATCH /auth/users/{user_id}/role": ADMINS,
    "POST /auth/users/{user_id}/deactivate": ADMINS,
    "POST /auth/users/{user_id}/reactivate": ADMINS,
    # the record of changes
    "GET /audit": ADMINS,
    # gateways
    "POST /gateways": ADMINS,
    "GET /gateways": ADMINS,
    "POST /gateways/alive": Open.GATEWAY,
    "POST /gateways/enrol": Open.PUBLIC,
    "POST /gateways/rotate": Open.GATEWAY,
    "GET /gateways/configuration": Open.GATEWAY,
    "POST /gateways/configuration/outcome": Open.GATEWAY,
    "GET /gateways/{gateway}": ADMINS,
    "POST /gateways/{gateway}/enrolment": ADMINS,
    "POST /gateways/{gateway}/revoke": ADMINS,
    "POST /gateways/{gateway}/rotation": ADMINS,
    "DELETE /gateways/{gateway}/conflict": ADMINS,
    "PUT /gateways/{gateway}/configuration": ADMINS,
    "GET /gateways/{gateway}/configuration": ADMINS,
    "GET /gateways/{gateway}/configurations": ADMINS,
    "GET /gateways/{gateway}/configurations/{version}": ADMINS,
    # machines
    "POST /machines": PLANNERS,
    "PUT /machines/{machine_id}": PLANNERS,
    "PATCH /machines/{machine_id}": PLANNERS,
    "DELETE /machines/{machine_id}": PLANNERS,
    # telemetry
    "POST /ingest/batches": Open.GATEWAY,
    "GET /machines": EVERYBODY,
    "GET /machines/{machine_id}": EVERYBODY,
    "GET /machines/{machine_id}/status": EVERYBODY,
    "GET /machines/{machine_id}/readings": EVERYBODY,
    "POST /machines/{machine_id}/readings": EVERYBODY,
    "GET /machines/{machine_id}/rollups": EVERYBODY,
    "GET /machines/{machine_id}/coverage": EVERYBODY,
    "GET /machines/{machine_id}/usage": EVERYBODY,
    "GET /gaps": EVERYBODY,
    # maintenance: who stands at the machine reports it and does it, planners plan it
    "GET /machines/{machine_id}/maintenance": EVERYBODY,
    "POST /machines/{machine_id}/maintenance": EVERYBODY,
    "POST /machines/{machine_id}/maintenance/plans": PLANNERS,
    "GET /maintenance/plans/{plan_id}": EVERYBODY,
    "PATCH /maintenance/plans/{plan_id}": PLANNERS,
    "GET /maintenance/orders": EVERYBODY,
    "GET /maintenance/orders/{order_id}": EVERYBODY,
    "PATCH /maintenance/orders/{order_id}": PLANNERS,
    "POST /maintenance/orders/{order_id}/start": EVERYBODY,
    "POST /maintenance/orders/{order_id}/complete": EVERYBODY,
    "POST /maintenance/orders/{order_id}/cancel": PLANNERS,
    # operators, jobs, parts
    "GET /operators": EVERYBODY,
    "POST /operators": PLANNERS,
    "GET /operators/by-skill/{level}": EVERYBODY,
    "GET /operators/{emp_id}": EVERYBODY,
    "PUT /operators/{emp_id}": PLANNERS,
    "PATCH /operators/{emp_id}": PLANNERS,
    "DELETE /operators/{emp_id}": PLANNERS,
    "GET /jobs": EVERYBODY,
    "POST /jobs": PLANNERS,
    "GET /jobs/by-status/{status}": EVERYBODY,
    "GET /jobs/{job_number:path}": EVERYBODY,
    "PUT /jobs/{job_number:path}": PLANNERS,
    "PATCH /jobs/{job_number:path}": PLANNERS,
    "DELETE /jobs/{job_number:path}": PLANNERS,
    "GET /parts": EVERYBODY,
    "POST /parts": PLANNERS,
    "GET /parts/by-material/{material}": EVERYBODY,
    "GET /parts/{part_number:path}": EVERYBODY,
    "PUT /parts/{part_number:path}": PLANNERS,
    "PATCH /parts/{part_number:path}": PLANNERS,
    "DELETE /parts/{part_number:path}": PLANNERS,
    "GET /parts/{part_number:path}/ideal-cycles": EVERYBODY,
    "POST /parts/{part_number:path}/ideal-cycles": PLANNERS,
    "DELETE /parts/{part_number:path}/ideal-cycles/{cycle_id}": PLANNERS,
    # the job log: a worker only what he did
    "GET /joblogs": EVERYBODY,
    "GET /operators/{emp_id}/performance": EVERYBODY,
    "GET /jobs/{job_number:path}/performance": EVERYBODY,
    "GET /parts/{part_number:path}/production-history": EVERYBODY,
    # shifts
    "GET /shifts/patterns": EVERYBODY,
    "POST /shifts/patterns": PLANNERS,
    "GET /shifts/patterns/{pattern_id}": EVERYBODY,
    "PUT /shifts/patterns/{pattern_id}": PLANNERS,
    "DELETE /shifts/patterns/{pattern_id}": PLANNERS,
    "GET /shifts/patterns/{pattern_id}/exceptions": EVERYBODY,
    "POST /shifts/patterns/{pattern_id}/exceptions": PLANNERS,
    "DELETE /shifts/patterns/{pattern_id}/exceptions/{exception_id}": PLANNERS,
    "GET /shifts/patterns/{pattern_id}/occurrences": EVERYBODY,
    # production: who stands at the machine says what it did and why it stood
    "GET /reasons": EVERYBODY,
    "POST /reasons": PLANNERS,
    "PUT /reasons/{reason_id}": PLANNERS,
    "GET /states/presets": EVERYBODY,
    "GET /machines/{machine_id}/states": EVERYBODY,
    "POST /machines/{machine_id}/states": EVERYBODY,
    "GET /machines/{machine_id}/states/model": EVERYBODY,
    "PUT /machines/{machine_id}/states/model": PLANNERS,
    "GET /machines/{machine_id}/statements": EVERYBODY,
    "DELETE /machines/{machine_id}/statements/{statement_id}": PLANNERS,
    "GET /machines/{machine_id}/stops": EVERYBODY,
    "POST /machines/{machine_id}/stops/classify": EVERYBODY,
    "GET /machines/{machine_id}/counts": EVERYBODY,
    "GET /machines/{machine_id}/counts/orphans": EVERYBODY,
    "POST /machines/{machine_id}/counts/claim": PLANNERS,
    # dashboards, trends and reports
    "GET /analytics/dashboard": EVERYBODY,
    "GET /analytics/trends": EVERYBODY,
    # figures
    "GET /oee": EVERYBODY,
    "GET /oee/policies": EVERYBODY,
    "PUT /oee/policies/{name}": PLANNERS,
    "DELETE /oee/policies/{name}": PLANNERS,
    "GET /machines/{machine_id}/oee": EVERYBODY,
    "GET /machines/{machine_id}/oee/explain": EVERYBODY,
    "GET /machines/{machine_id}/downtime": EVERYBODY,
    "GET /machines/{machine_id}/data": EVERYBODY,
    "POST /machines/{machine_id}/data": EVERYBODY,
    "POST /analytics/reports": PLANNERS,
    "GET /analytics/reports": PLANNERS,
    "GET /analytics/reports/{report_id}": PLANNERS,
    "GET /analytics/reports/{report_id}/content": PLANNERS,
    # predictions
    "POST /predictions/downtime": EVERYBODY,
    "POST /predictions/downtime/batch": EVERYBODY,
    "POST /predictions/maintenance": EVERYBODY,
    "POST /predictions/oee": EVERYBODY,
    "GET /predictions/watch": PLANNERS,
    # what would raise OEE: everybody may ask, planners decide
    "GET /machines/{machine_id}/oee/optimizer": EVERYBODY,
    "POST /predictions/oee/what-if": EVERYBODY,
    "GET /oee/suggestions": EVERYBODY,
    "POST /oee/suggestions": PLANNERS,
    "GET /oee/suggestions/{suggestion_id}": EVERYBODY,
    "POST /oee/suggestions/{suggestion_id}/accept": PLANNERS,
    "POST /oee/suggestions/{suggestion_id}/decline": PLANNERS,
    # phones that were away
    "GET /sync/pull": EVERYBODY,
    "POST /sync/push": EVERYBODY,
    "GET /events": EVERYBODY,
    # work orders
    "POST /workorders/": PLANNERS,
    "GET /workorders/": EVERYBODY,
    "GET /workorders/{wo_id}": EVERYBODY,
    "PATCH /workorders/{wo_id}": PLANNERS,
    "POST /workorders/{wo_id}/hold": PLANNERS,
    "POST /workorders/{wo_id}/release": PLANNERS,
    "GET /workorders/{wo_id}/stages": EVERYBODY,
    "GET /workorders/{wo_id}/metrics": EVERYBODY,
    "GET /routes": EVERYBODY,
    "POST /routes": PLANNERS,
    "GET /routes/{route_id}": EVERYBODY,
    "PUT /routes/{route_id}": PLANNERS,
    "DELETE /routes/{route_id}": PLANNERS,
    # stages: a worker only those that are assigned to him, which the service looks after
    "GET /stages/{wos_id}": EVERYBODY,
    "PATCH /stages/{wos_id}": PLANNERS,
    "POST /stages/{wos_id}/start": EVERYBODY,
    "POST /stages/{wos_id}/done": EVERYBODY,
    "POST /stages/{wos_id}/hold": PLANNERS,
    "POST /stages/{wos_id}/release": PLANNERS,
    "GET /stages/{wos_id}/metrics": EVERYBODY,
    "POST /stages/{wos_id}/assignments": PLANNERS,
    "DELETE /stages/{wos_id}/assignments/{user_id}": PLANNERS,
    "GET /stages/{wos_id}/production": EVERYBODY,
    "POST /stages/{wos_id}/production": EVERYBODY,
    "POST /stages/{wos_id}/production/{event_id}/reverse": EVERYBODY,
    # issues: a worker only those that he reported
    "POST /stages/{wos_id}/issue": EVERYBODY,
    "PATCH /stages/{wos_id}/issues/{issue_id}": EVERYBODY,
    "GET /issues": EVERYBODY,
    "GET /issues/statistics": EVERYBODY,
    "GET /issues/{issue_id}": EVERYBODY,
    "GET /issues/{issue_id}/comments": EVERYBODY,
    "POST /issues/{issue_id}/comments": EVERYBODY,
    "GET /issues/{issue_id}/attachments": EVERYBODY,
    "POST /issues/{issue_id}/attachments": EVERYBODY,
    "GET /issues/{issue_id}/attachments/{attachment_id}": EVERYBODY,
}
