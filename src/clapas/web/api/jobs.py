"""Jobs: how far they are, what became of each thing, stopping one."""

from typing import Annotated

from litestar import Response, get, post
from litestar.params import FromPath, FromQuery, QueryParameter

from clapas.store.jobs import Job, JobItem
from clapas.web.answers import Listed, listing, page_size
from clapas.web.guard import asks
from clapas.web.services import Call, services_of


@get("/api/v1/jobs", tags=["jobs"], opt=asks("write", "job"), summary="Jobs")
async def jobs(
    request: Call,
    kind: Annotated[str, QueryParameter(max_length=100)] = "",
    own: FromQuery[bool] = False,  # noqa: FBT002
    after: FromQuery[str | None] = None,
    limit: FromQuery[int] = 50,
) -> Response[Listed[Job]]:
    """Jobs, the newest first; ``own`` shows the platform's own as well."""
    page = await services_of(request).store.jobs.page(
        kind=kind, own=own, after=after, limit=page_size(limit)
    )
    return listing(request, page.items, after=page.next)


@get("/api/v1/jobs/{job_id:int}", tags=["jobs"], opt=asks("write", "job"), summary="A job")
async def job(request: Call, job_id: FromPath[int]) -> Job:
    """One job with its progress."""
    return await services_of(request).store.jobs.get(job_id)


@get(
    "/api/v1/jobs/{job_id:int}/items",
    tags=["jobs"],
    opt=asks("write", "job"),
    summary="Results of a job",
)
async def items(
    request: Call,
    job_id: FromPath[int],
    failed: FromQuery[bool] = False,  # noqa: FBT002
    after: FromQuery[str | None] = None,
    limit: FromQuery[int] = 100,
) -> Response[Listed[JobItem]]:
    """What became of each thing that the job worked on."""
    page = await services_of(request).store.jobs.items(
        job_id, failed=failed, after=after, limit=page_size(limit)
    )
    return listing(request, page.items, after=page.next)


@post(
    "/api/v1/jobs/{job_id:int}/stop",
    status_code=200,
    tags=["jobs"],
    opt=asks("write", "job"),
    summary="Stop a job",
)
async def stop(request: Call, job_id: FromPath[int]) -> Job:
    """Ask a job to stop; a waiting one is cancelled at once."""
    store = services_of(request).store.jobs
    await store.get(job_id)
    await store.stop(job_id)
    return await store.get(job_id)


HANDLERS = (jobs, job, items, stop)
