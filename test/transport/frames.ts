import type { Socket } from "node:net";
import { certificate, rawTlsServer } from "./support.ts";

export const DATA = 0;
export const HEADERS = 1;
export const RST_STREAM = 3;
export const SETTINGS = 4;
export const PING = 6;

export const END_STREAM = 1;
export const ACK = 1;
const END_HEADERS = 4;

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  readonly payload: Buffer;
}

export function frame(type: number, flags: number, id: number, payload: Buffer | string = ""): Buffer {
  const bytes = Buffer.from(payload);
  const head = Buffer.alloc(9);
  head.writeUIntBE(bytes.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(id, 5);
  return Buffer.concat([head, bytes]);
}

function uint32(...numbers: number[]): Buffer {
  const bytes = Buffer.alloc(4 * numbers.length);
  for (const [i, number] of numbers.entries()) bytes.writeUInt32BE(number >>> 0, 4 * i);
  return bytes;
}

/** `:status: 200` is one byte of HPACK's static table. */
export const ok = (id: number, flags = 0): Buffer =>
  frame(HEADERS, END_HEADERS | flags, id, Buffer.from([0x88]));
export const reset = (id: number, code: number): Buffer => frame(RST_STREAM, 0, id, uint32(code));
/** An HTTP/2 server of hand-made frames: it says what the test says, also what no library would. */
export async function frameServer(
  onFrame: (frame: Frame, socket: Socket, nth: number) => void,
  { answersPing = true } = {},
) {
  let connections = 0;
  return rawTlsServer({ ...certificate, ALPNProtocols: ["h2"] }, (socket) => {
    const nth = connections++;
    let bytes = Buffer.alloc(0);
    let preface = true;
    socket.write(frame(SETTINGS, 0, 0));
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      bytes = Buffer.concat([bytes, chunk]);
      if (preface && bytes.length >= 24) {
        bytes = bytes.subarray(24);
        preface = false;
      }
      while (!preface && bytes.length >= 9 && bytes.length >= 9 + bytes.readUIntBE(0, 3)) {
        const length = bytes.readUIntBE(0, 3);
        const came = {
          type: bytes[3]!,
          flags: bytes[4]!,
          id: bytes.readUInt32BE(5),
          payload: bytes.subarray(9, 9 + length),
        };
        bytes = bytes.subarray(9 + length);
        if (came.type === PING && came.flags === 0 && answersPing) {
          socket.write(frame(PING, ACK, 0, came.payload));
        }
        if (came.type === SETTINGS && came.flags === 0) socket.write(frame(SETTINGS, ACK, 0));
        onFrame(came, socket, nth);
      }
    });
  });
}

/** Whether this frame ends a request. */
export const endsRequest = ({ type, flags }: Frame): boolean =>
  (type === DATA || type === HEADERS) && (flags & END_STREAM) !== 0;
