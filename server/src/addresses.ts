/** Which network an IP address belongs to, by the registries. */
import { BlockList, isIP } from "node:net";

/** True for `127.0.0.0/8` and `::1`. */
export function isLoopbackAddress(address: string): boolean {
  return (isIP(address) === 4 && address.startsWith("127.")) || address === "::1";
}

/** True for the unicast addresses of the public internet. False for what is no address. */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 0) return false;
  return family === 4
    ? !RESERVED.check(address, "ipv4")
    : GLOBAL_UNICAST.check(address, "ipv6") && !RESERVED.check(address, "ipv6");
}

/** True for addresses of private networks, but for those of cloud metadata. False for what is no address. */
export function isPrivateAddress(address: string): boolean {
  const family = isIP(address) === 4 ? "ipv4" : "ipv6";
  return isIP(address) !== 0 && PRIVATE.check(address, family) && !METADATA.check(address, family);
}

// The IANA special-purpose registries. IPv6 is let through in 2000::/3 only, which leaves out loopback, link-local,
// unique-local, multicast, IPv4-mapped and NAT64 addresses; what is special within it stands here.
const RESERVED = networks(
  "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24",
  "192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24",
  "203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 2001::/23 2001:db8::/32 2002::/16 2620:4f:8000::/48 3fff::/20",
);
const GLOBAL_UNICAST = networks("2000::/3");
const PRIVATE = networks("10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7");
// Where a cloud answers a machine of its own with credentials, though it is a private address by its looks.
const METADATA = networks("fd00:ec2::/32");

function networks(...lines: string[]): BlockList {
  const list = new BlockList();
  for (const range of lines.flatMap((line) => line.split(" "))) {
    const [net, prefix] = range.split("/") as [string, string];
    list.addSubnet(net, Number(prefix), net.includes(":") ? "ipv6" : "ipv4");
  }
  return list;
}
