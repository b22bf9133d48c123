//! Free ports on loopback, for processes that must be told theirs.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU16, Ordering};

use tokio::net::TcpSocket;

/// Below the range from which the kernel takes ports for outgoing connections, so that none of those can take one
/// between its release here and its use.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;
/// Spreads numbers that are next to each other over the whole range: about 2³² divided by the golden ratio.
const SPREAD: u32 = 2_654_435_761;

/// A port that nobody else gets: held until [`Port::release`], and never given twice by this process.
///
/// It is held by a socket that does not listen. For a moment every process that a test starts has a copy of it; a copy
/// that listens would answer in the place of the program for which the port was released, or keep it from listening.
pub struct Port {
    address: SocketAddr,
    held: TcpSocket,
}

impl Port {
    /// Takes a free port.
    pub fn take() -> Self {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        // Test programs that run at the same time have ids next to each other, and begin far from each other.
        let start = std::process::id().wrapping_mul(SPREAD) % u32::from(COUNT);
        let start = u16::try_from(start).unwrap();
        for _ in 0..COUNT {
            let offset = (start + NEXT.fetch_add(1, Ordering::Relaxed) % COUNT) % COUNT;
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, FIRST + offset));
            let held = TcpSocket::new_v4().unwrap();
            if held.bind(address).is_ok() {
                // From here on it is in nobody's way who says the same, as every server does.
                held.set_reuseaddr(true).unwrap();
                return Self { address, held };
            }
        }
        panic!("no free port from {FIRST} on");
    }

    /// Returns the address while the port is still held.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets go of the port, for the process that is about to use it.
    pub fn release(self) -> SocketAddr {
        drop(self.held);
        self.address
    }
}

/// Returns an address on which nobody listens.
pub fn closed() -> SocketAddr {
    Port::take().release()
}
