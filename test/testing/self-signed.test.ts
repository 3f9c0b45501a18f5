import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { connect, createServer } from "node:tls";
import { expect, test } from "vitest";
import { selfSigned } from "../../src/testing/self-signed.ts";

async function peerSeenBy(host: string, names?: string[]): Promise<boolean> {
  const { key, cert } = names === undefined ? selfSigned() : selfSigned(names);
  const server = createServer({ key, cert }, (socket) => socket.end());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const socket = connect({ port, host: "127.0.0.1", servername: host, ca: cert });
  try {
    await once(socket, "secureConnect");
    return socket.authorized;
  } finally {
    socket.destroy();
    server.close();
  }
}

test("Node's own TLS takes the certificate as its own authority", async () => {
  expect(await peerSeenBy("localhost")).toBe(true);
});

test("a name that is not in the certificate is refused", async () => {
  await expect(peerSeenBy("localhost", ["example.test"])).rejects.toThrow(/altnames/);
});

test("DNS names and addresses of both families become alternative names", () => {
  const cert = new X509Certificate(selfSigned(["localhost", "127.0.0.1", "::1", "fe80::1:2"]).cert);
  expect(cert.subjectAltName).toBe(
    "DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1, IP Address:FE80:0:0:0:0:0:1:2",
  );
  expect(cert.ca).toBe(true);
  expect(cert.checkIP("::1")).toBe("::1");
  expect(cert.verify(cert.publicKey)).toBe(true);
});

test("a certificate with many names, past the short form of a length, still reads", () => {
  const names = Array.from({ length: 2_000 }, (_, i) => `host-${i}.example.test`);
  const cert = new X509Certificate(selfSigned(names).cert);
  expect(cert.checkHost("host-1999.example.test")).toBe("host-1999.example.test");
});

test("two certificates share neither key nor serial number", () => {
  const [a, b] = [selfSigned(), selfSigned()];
  expect(a.key).not.toBe(b.key);
  expect(new X509Certificate(a.cert).serialNumber).not.toBe(new X509Certificate(b.cert).serialNumber);
});
