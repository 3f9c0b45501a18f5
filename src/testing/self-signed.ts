import { generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { isIP, isIPv4 } from "node:net";

/** A private key and the certificate that it signed itself, both PEM. */
export interface SelfSigned {
  readonly key: string;
  readonly cert: string;
}

/**
 * A fresh P-256 key with a self-signed certificate for servers on loopback. The certificate is its own authority:
 * give it to a client as `ca`. It is written by hand as DER, so no openssl program is needed.
 *
 * ```ts
 * import { createServer } from "node:https";
 * import { selfSigned } from "trunkline/testing";
 *
 * const { key, cert } = selfSigned();
 * const server = createServer({ key, cert }); // clients: { ca: cert }
 * server.close();
 * ```
 *
 * @param names DNS names and IP addresses it is valid for.
 */
export function selfSigned(names: readonly string[] = ["localhost", "127.0.0.1"]): SelfSigned {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const serial = randomBytes(16);
  serial[0] = (serial[0]! & 0x7f) | 0x40; // positive and never led by a zero byte, as DER wants integers
  const signature = sequence(ecdsaWithSha256);
  const name = sequence(set(sequence(commonName, tlv(utf8String, Buffer.from("trunkline testing")))));
  const body = sequence(
    tlv(0xa0, tlv(integer, Buffer.from([2]))), // version 3
    tlv(integer, serial),
    signature,
    name,
    sequence(utcTime("200101000000Z"), generalizedTime("21200101000000Z")),
    name,
    publicKey.export({ type: "spki", format: "der" }),
    tlv(0xa3, sequence(basicConstraints(), keyUsage(), alternativeNames(names))),
  );
  const proof = sign("sha256", body, privateKey);
  const certificate = sequence(body, signature, tlv(bitString, Buffer.concat([Buffer.from([0]), proof])));
  return {
    key: privateKey.export({ type: "pkcs8", format: "pem" }) as string,
    cert: pem("CERTIFICATE", certificate),
  };
}

// The few tags and names of ASN.1 that a certificate needs.
const integer = 0x02;
const bitString = 0x03;
const octetString = 0x04;
const utf8String = 0x0c;
const isTrue = Buffer.from("0101ff", "hex");
const ecdsaWithSha256 = Buffer.from("06082a8648ce3d040302", "hex");
const commonName = Buffer.from("0603550403", "hex");

/** Tag, length, value: the one shape of everything in DER. */
function tlv(tag: number, ...values: Buffer[]): Buffer {
  const value = Buffer.concat(values);
  const length = [];
  for (let rest = value.length; rest > 0; rest = Math.floor(rest / 256)) length.unshift(rest % 256);
  const head = value.length < 128 ? [tag, value.length] : [tag, 0x80 | length.length, ...length];
  return Buffer.concat([Buffer.from(head), value]);
}

const sequence = (...values: Buffer[]): Buffer => tlv(0x30, ...values);
const set = (...values: Buffer[]): Buffer => tlv(0x31, ...values);
/** Years below 2050 must be written with two digits, later ones with four. */
const utcTime = (text: string): Buffer => tlv(0x17, Buffer.from(text));
const generalizedTime = (text: string): Buffer => tlv(0x18, Buffer.from(text));

function extension(oid: string, critical: boolean, value: Buffer): Buffer {
  return sequence(Buffer.from(oid, "hex"), critical ? isTrue : Buffer.alloc(0), tlv(octetString, value));
}

/** It is its own authority, else clients would not take it as `ca`. */
const basicConstraints = (): Buffer => extension("0603551d13", true, sequence(isTrue));

/** Bits 0 (digitalSignature) and 5 (keyCertSign); two unused bits at the end. */
const keyUsage = (): Buffer => extension("0603551d0f", true, tlv(bitString, Buffer.from([2, 0b1000_0100])));

function alternativeNames(names: readonly string[]): Buffer {
  const entries = names.map((name) =>
    isIP(name) ? tlv(0x87, addressBytes(name)) : tlv(0x82, Buffer.from(name, "ascii")),
  );
  return extension("0603551d11", false, sequence(...entries));
}

function addressBytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split(".").map(Number));
  // The URL parser writes any IPv6 form as groups of hex digits with at most one "::".
  const [left = "", right] = new URL(`http://[${address}]`).hostname.slice(1, -1).split("::");
  const groups = (text: string | undefined): string[] => (text ? text.split(":") : []);
  const tail = groups(right);
  const head = groups(left);
  const zeros = new Array<string>(8 - head.length - tail.length).fill("0");
  return Buffer.from([...head, ...zeros, ...tail].map((group) => group.padStart(4, "0")).join(""), "hex");
}

function pem(label: string, der: Buffer): string {
  const lines = der.toString("base64").replace(/(.{64})(?=.)/g, "$1\n");
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`;
}
