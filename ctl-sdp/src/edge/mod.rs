//! Where the machine is touched: interfaces, sockets, the kernel's filter, users.

pub mod filter;
pub mod interface;
pub mod packet;
pub mod privileges;
pub mod sockets;
