const headBytes = 9;
const goawayType = 7;
const rstStreamType = 3;

/** A GOAWAY frame of HTTP/2, byte by byte: node:http2 cannot send one whose last stream is 0. */
export function goawayFrame(lastStreamId: number, code: number): Buffer {
  return frame(goawayType, 0, [lastStreamId, code]);
}

/** A RST_STREAM frame: node:http2 sends END_STREAM before its own, so that the client sees a whole answer. */
export function rstStreamFrame(streamId: number, code: number): Buffer {
  return frame(rstStreamType, streamId, [code]);
}

function streamOf(head: Uint8Array): number {
  return new DataView(head.buffer, head.byteOffset, head.length).getUint32(5);
}

function frame(type: number, streamId: number, words: readonly number[]): Buffer {
  const bytes = Buffer.alloc(headBytes + 4 * words.length);
  bytes.writeUIntBE(4 * words.length, 0, 3);
  bytes[3] = type;
  bytes.writeUInt32BE(streamId, 5);
  for (const [i, word] of words.entries()) bytes.writeUInt32BE(word, headBytes + 4 * i);
  return bytes;
}

/**
 * Follows what a server sends, frame by frame, and slips frames of our own in between two of its own. The server
 * does not know of them and would contradict them: after a GOAWAY of ours its own are dropped, after a RST_STREAM
 * the rest of that stream is.
 */
export class FrameEditor {
  #head = Buffer.alloc(headBytes);
  #headFilled = 0;
  #payloadLeft = 0;
  #dropping = false;
  #saidGoaway = false;
  readonly #ended = new Set<number>();
  #waiting: Uint8Array[] = [];

  /** Bytes to send now; those that have to wait for the end of a frame come with a later `pass`. */
  inject(bytes: Uint8Array): Uint8Array[] {
    if (bytes[3] === goawayType) this.#saidGoaway = true;
    if (bytes[3] === rstStreamType) this.#ended.add(streamOf(bytes));
    if (this.#headFilled === 0) return [bytes];
    this.#waiting.push(bytes);
    return [];
  }

  /** What to send in place of `chunk`. */
  pass(chunk: Buffer): Uint8Array[] {
    const out: Uint8Array[] = [];
    for (let at = 0; at < chunk.length; ) {
      at = this.#headFilled < headBytes ? this.#readHead(chunk, at, out) : this.#readPayload(chunk, at, out);
      if (this.#headFilled === headBytes && this.#payloadLeft === 0) {
        this.#headFilled = 0;
        out.push(...this.#waiting.splice(0));
      }
    }
    return out;
  }

  #readHead(chunk: Buffer, at: number, out: Uint8Array[]): number {
    const taken = chunk.copy(this.#head, this.#headFilled, at);
    this.#headFilled += taken;
    if (this.#headFilled === headBytes) {
      this.#payloadLeft = this.#head.readUIntBE(0, 3);
      this.#dropping = this.#contradicts();
      if (!this.#dropping) out.push(Buffer.from(this.#head));
    }
    return at + taken;
  }

  #contradicts(): boolean {
    const type = this.#head[3];
    if (type === goawayType) return this.#saidGoaway;
    const stream = streamOf(this.#head);
    // The server's own RST_STREAM is the last that comes of a stream.
    return type === rstStreamType ? this.#ended.delete(stream) : this.#ended.has(stream);
  }

  #readPayload(chunk: Buffer, at: number, out: Uint8Array[]): number {
    const end = Math.min(chunk.length, at + this.#payloadLeft);
    this.#payloadLeft -= end - at;
    if (!this.#dropping) out.push(chunk.subarray(at, end));
    return end;
  }
}
