//! Reads the configuration file, whole and bounded.

use std::fs::{File, metadata};
use std::io::{Error, ErrorKind, Read as _};
use std::path::Path;

use mcp_gateway_core::config::FILE_BYTES_MAX;

/// Reads the configuration file, or says why that cannot be done.
///
/// Links are followed. Anything but a regular file is refused: reading a pipe would wait for its writer. So is an empty one. Blocks.
pub fn read_config(path: &Path) -> Result<String, String> {
    let cannot = |error: Error| {
        if error.kind() == ErrorKind::NotFound {
            "the file cannot be read: it does not exist".to_owned()
        } else {
            format!("the file cannot be read: {}", error.kind())
        }
    };
    if !metadata(path).map_err(cannot)?.is_file() {
        return Err("it is not a regular file".to_owned());
    }
    let mut bytes = Vec::new();
    // One byte more than the bound tells a file that is too large from one that just fits.
    let most = FILE_BYTES_MAX as u64 + 1;
    File::open(path).map_err(cannot)?.take(most).read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.len() > FILE_BYTES_MAX {
        return Err(format!("the file has more than {FILE_BYTES_MAX} bytes"));
    }
    let text = String::from_utf8(bytes).map_err(|_| "the file is not UTF-8".to_owned())?;
    if text.trim().is_empty() {
        // Much rather one that somebody has just opened for writing than a gateway without servers.
        return Err("the file is empty; write `servers: []` to have no servers".to_owned());
    }
    Ok(text)
}
