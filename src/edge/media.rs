//! Serves pictures from the cache of the current data center or from R2. The platform streams them, so that their bytes
//! never enter WebAssembly's memory.

use super::background::run_in_background;
use super::headers::HeaderList;
use super::r2;
use super::respond::{MediaResponse, Served};
use crate::domain::{Fault, ObjectKey};
use crate::serve::media::{self, Conditions, Selection};
use worker::web_sys::{Headers as PlatformHeaders, ReadableStream, Request as PlatformRequest};
use worker::{Bucket, Cache, CacheKey, Conditional, Context, Headers, Object, Range, Request, Response, ResponseBody};

/// Lifetime of a data center's cached copy, and so the longest time that a removed picture may still be served there:
/// one day.
const CACHE_COPY_CONTROL: &str = "max-age=86400";

/// A request for a picture.
pub struct MediaRequest<'a> {
    pub key: &'a ObjectKey,
    pub method: &'a str,
    /// The URL without query or fragment: the key of the cached copy.
    pub url: &'a str,
    pub conditions: Conditions,
}

/// A picture that was found in the cache or in the bucket.
struct Found {
    /// A strong validator, including its quotes.
    etag: String,
    size: u64,
    source: Source,
}

enum Source {
    /// The cache of the current data center.
    Cache(Response),
    /// The bucket. The object has a body that can be read, unless only its head was requested.
    Bucket(Object),
}

/// Reads the request headers that make a request conditional or ask for a range.
pub fn conditions(headers: &PlatformHeaders) -> worker::Result<Conditions> {
    Ok(Conditions {
        if_match: headers.get("if-match")?,
        if_none_match: headers.get("if-none-match")?,
        if_range: headers.get("if-range")?,
        range: headers.get("range")?,
    })
}

/// Serves a picture; `None` if it does not exist.
pub async fn serve(request: MediaRequest<'_>, bucket: Result<&Bucket, Fault>, context: &Context) -> Option<Served> {
    if !media::accepts(request.method) {
        return Some(Served::Reply(media::method_not_allowed()));
    }
    let served = match bucket {
        Ok(bucket) => {
            let found = async {
                serve_found(&request, bucket, context).await.map_err(|error| Fault::Bucket(error.to_string()))
            };
            r2::within_deadline(found).await
        }
        Err(fault) => Err(fault),
    };
    served.unwrap_or_else(|fault| Some(Served::Reply(media::failed(fault))))
}

async fn serve_found(request: &MediaRequest<'_>, bucket: &Bucket, context: &Context) -> worker::Result<Option<Served>> {
    let Some(found) = find(request, bucket).await? else {
        return Ok(None);
    };
    let size = found.size;
    let mut headers = headers(found.etag.clone());
    let (status, body) = match request.conditions.select(request.method, &found.etag, size) {
        Selection::NotModified => (304, None),
        Selection::PreconditionFailed => return Ok(Some(Served::Reply(media::precondition_failed()))),
        Selection::Unsatisfiable => return Ok(Some(Served::Reply(media::unsatisfiable(size)))),
        Selection::Full if request.method == "HEAD" => {
            headers.push(("content-length", size.to_string().into()));
            (200, None)
        }
        Selection::Full => {
            let Some(body) = full_body(request, found, context)? else { return Ok(None) };
            (200, Some(body))
        }
        Selection::Part { first, length } => {
            let last = first.saturating_add(length).saturating_sub(1);
            headers.push(("content-range", format!("bytes {first}-{last}/{size}").into()));
            // `None`: the picture was removed since it was found.
            let Some(body) = partial_body(request, &found, bucket, first, last).await? else { return Ok(None) };
            (206, Some(body))
        }
    };
    // A 304 has no content, so it needs no content type.
    if status != 304 {
        headers.push(("content-type", request.key.format().media_type().into()));
    }
    Ok(Some(Served::Media(MediaResponse { status, headers, body })))
}

async fn find(request: &MediaRequest<'_>, bucket: &Bucket) -> worker::Result<Option<Found>> {
    if let Some(found) = find_cached(request.url).await {
        return Ok(Some(found));
    }
    let key = request.key.as_str();
    let object = if request.method == "HEAD" { bucket.head(key).await? } else { bucket.get(key).execute().await? };
    Ok(object.map(|object| Found { etag: object.http_etag(), size: object.size(), source: Source::Bucket(object) }))
}

/// Looks up the picture in the cache. A failing cache counts as a miss.
async fn find_cached(url: &str) -> Option<Found> {
    let copy = Cache::default().get(url, false).await.ok()??;
    let etag = copy.headers().get("etag").ok()??;
    let size = copy.headers().get("content-length").ok()??.parse().ok()?;
    Some(Found { etag, size, source: Source::Cache(copy) })
}

/// Returns the whole picture as a stream. If it comes from the bucket, a copy is written to the cache at the same time.
fn full_body(request: &MediaRequest<'_>, found: Found, context: &Context) -> worker::Result<Option<ReadableStream>> {
    let object = match found.source {
        Source::Cache(copy) => return Ok(stream(copy)),
        Source::Bucket(object) => object,
    };
    let Some(body) = object.body() else {
        return Ok(None);
    };
    let headers = Headers::new();
    headers.set("etag", &found.etag)?;
    headers.set("cache-control", CACHE_COPY_CONTROL)?;
    let mut response = Response::from_body(body.response_body()?)?.with_headers(headers);
    let copy = response.cloned()?;
    let url = request.url.to_owned();
    run_in_background(context, async move {
        // Best effort. If it fails, the next request reads from the bucket again.
        let _ = Cache::default().put(url, copy).await;
    });
    Ok(stream(response))
}

/// Returns a range of the picture as a stream. The platform does the slicing.
async fn partial_body(
    request: &MediaRequest<'_>,
    found: &Found,
    bucket: &Bucket,
    first: u64,
    last: u64,
) -> worker::Result<Option<ReadableStream>> {
    if let Source::Cache(_) = found.source
        && let Some(part) = read_cached_range(request.url, first, last).await
    {
        return Ok(Some(part));
    }
    let length = last.saturating_sub(first).saturating_add(1);
    let range = Range::OffsetWithLength { offset: first, length };
    let etag_matches = Some(found.etag.trim_matches('"').to_owned());
    let same = Conditional { etag_matches, ..Conditional::default() };
    let object = bucket.get(request.key.as_str()).range(range).only_if(same).execute().await?;
    let body =
        object.as_ref().and_then(Object::body).map(|body| Response::from_body(body.response_body()?)).transpose()?;
    Ok(body.and_then(stream))
}

async fn read_cached_range(url: &str, first: u64, last: u64) -> Option<ReadableStream> {
    let with_range = PlatformRequest::new_with_str(url).ok()?;
    with_range.headers().set("range", &format!("bytes={first}-{last}")).ok()?;
    let request = Request::from(with_range);
    let part = Cache::default().get(CacheKey::Request(&request), false).await.ok()??;
    (part.status_code() == 206).then(|| stream(part))?
}

fn stream(response: Response) -> Option<ReadableStream> {
    match response.into_parts().1 {
        ResponseBody::Stream(stream) => Some(stream),
        ResponseBody::Body(_) | ResponseBody::Empty => None,
    }
}

/// Returns the headers of every response that describes a picture (contract M4).
fn headers(etag: String) -> HeaderList<'static> {
    vec![
        ("etag", etag.into()),
        ("accept-ranges", "bytes".into()),
        ("cache-control", ObjectKey::CACHE_CONTROL.into()),
        // Even if a browser misjudges the picture's type, no script in the picture can run. Pages of other origins may
        // embed the picture.
        ("content-security-policy", "default-src 'none'; sandbox".into()),
        ("cross-origin-resource-policy", "cross-origin".into()),
    ]
}

/// Deletes the current data center's cached copy of a picture that has been removed.
pub async fn forget(url: String) {
    let _ = Cache::default().delete(url, false).await;
}
