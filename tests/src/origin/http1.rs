//! HTTP/1.1 by hand: whatever a reply says is written, right or wrong.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::reply::{Ending, Framing, Piece};
use super::{Received, Reply, Shared, pattern};

/// How much of a pattern is written at a time.
const BLOCK: u64 = 64 * 1024;

/// Answers the requests of one connection.
pub(super) async fn serve(stream: TcpStream, shared: Arc<Shared>) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(received) = read(&mut stream).await? {
        let head = received.method == "HEAD";
        let last = received.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        let reply = shared.reply(received);
        let ending = reply.ending;
        let raw = reply.raw.is_some();
        write(stream.get_mut(), reply, head).await?;
        match ending {
            Ending::Whole if !raw && !last => {}
            Ending::Reset | Ending::NoHeadReset => {
                stream.get_ref().set_zero_linger()?;
                return Ok(());
            }
            _ => return stream.get_mut().shutdown().await,
        }
    }
    Ok(())
}

/// One request; `None` where the client has gone.
async fn read(stream: &mut BufReader<TcpStream>) -> io::Result<Option<Received>> {
    let Some(line) = read_line(stream).await? else { return Ok(None) };
    let line = String::from_utf8_lossy(&line).into_owned();
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap_or_default().to_owned(), words.next().unwrap_or("/").to_owned());
    let mut headers = Vec::new();
    while let Some(line) = read_line(stream).await?.filter(|line| !line.is_empty()) {
        let colon = line.iter().position(|&b| b == b':').unwrap_or(line.len());
        let value = line.get(colon + 1..).unwrap_or_default().trim_ascii().to_vec();
        headers.push((String::from_utf8_lossy(&line[..colon]).into_owned(), value));
    }
    let mut received = Received { method, target, headers, body: None, nth: 0 };
    if received.header("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue")) {
        stream.get_mut().write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    let length = received.header("content-length").and_then(|value| value.parse::<usize>().ok());
    let chunked = received.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked"));
    if chunked {
        received.body = Some(read_chunks(stream).await?);
    } else if let Some(length) = length {
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await?;
        received.body = Some(body.into());
    }
    Ok(Some(received))
}

async fn read_chunks(stream: &mut BufReader<TcpStream>) -> io::Result<Bytes> {
    let mut body = Vec::new();
    loop {
        let line = read_line(stream).await?.unwrap_or_default();
        let digits = String::from_utf8_lossy(&line);
        let digits = digits.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(digits, 16).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?;
        if size == 0 {
            while read_line(stream).await?.is_some_and(|line| !line.is_empty()) {}
            return Ok(body.into());
        }
        let start = body.len();
        body.resize(start + size, 0);
        stream.read_exact(&mut body[start..]).await?;
        read_line(stream).await?;
    }
}

async fn read_line(stream: &mut BufReader<TcpStream>) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    if stream.read_until(b'\n', &mut line).await? == 0 {
        return Ok(None);
    }
    while line.last().is_some_and(|&b| b == b'\n' || b == b'\r') {
        line.pop();
    }
    Ok(Some(line))
}

async fn write(stream: &mut TcpStream, reply: Reply, head_only: bool) -> io::Result<()> {
    if let Some(gate) = &reply.hold {
        gate.passed().await;
    }
    if let Some(raw) = &reply.raw {
        return stream.write_all(raw).await;
    }
    if matches!(reply.ending, Ending::NoHead | Ending::NoHeadReset) {
        return Ok(());
    }
    let mut out = Vec::new();
    for (status, headers) in &reply.interim {
        status_line(&mut out, *status, None);
        fields(&mut out, headers);
        out.extend_from_slice(b"\r\n");
    }
    status_line(&mut out, reply.status, reply.reason.as_deref());
    fields(&mut out, &reply.headers);
    match reply.framing {
        Framing::Bodiless => {}
        Framing::Length(length) => {
            let length = length.unwrap_or_else(|| reply.length());
            out.extend_from_slice(format!("content-length: {length}\r\n").as_bytes());
        }
        Framing::Chunked => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
    }
    out.extend_from_slice(b"\r\n");
    stream.write_all(&out).await?;
    if head_only || reply.framing == Framing::Bodiless {
        return Ok(());
    }
    let chunked = reply.framing == Framing::Chunked;
    for piece in &reply.pieces {
        match piece {
            Piece::Wait(gate) => gate.passed().await,
            Piece::Pause(pause) => tokio::time::sleep(*pause).await,
            Piece::Bytes(bytes) => put(stream, bytes, chunked).await?,
            Piece::Pattern(len) => {
                for from in (0..*len).step_by(BLOCK as usize) {
                    let block = pattern(from, BLOCK.min(len - from) as usize);
                    put(stream, &block, chunked).await?;
                }
            }
        }
    }
    if chunked && reply.ending == Ending::Whole {
        let mut out = b"0\r\n".to_vec();
        fields(&mut out, &reply.trailers);
        out.extend_from_slice(b"\r\n");
        stream.write_all(&out).await?;
    }
    stream.flush().await
}

async fn put(stream: &mut TcpStream, bytes: &[u8], chunked: bool) -> io::Result<()> {
    if !chunked {
        return stream.write_all(bytes).await;
    }
    // In one write, so that a client is likely to see it as one frame.
    let mut out = format!("{:x}\r\n", bytes.len()).into_bytes();
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
    stream.write_all(&out).await
}

fn status_line(out: &mut Vec<u8>, status: u16, reason: Option<&str>) {
    let usual = http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    let reason = reason.unwrap_or_else(|| usual.unwrap_or_default());
    out.extend_from_slice(format!("HTTP/1.1 {status} {reason}\r\n").as_bytes());
}

fn fields(out: &mut Vec<u8>, fields: &[(String, Vec<u8>)]) {
    for (name, value) in fields {
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value);
        out.extend_from_slice(b"\r\n");
    }
}
