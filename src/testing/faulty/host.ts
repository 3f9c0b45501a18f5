import type { Connection } from "./connection.ts";
import { play, type Stage } from "./play.ts";
import type { Reply } from "./reply.ts";
import { type Memory, RequestRecord } from "./seen.ts";

/** The part that all protocols share: records a request, asks the script, plays its reply. */
export class Host {
  readonly memory: Memory;
  readonly decideAt: "headers" | "body";
  /** The first failure of a script; `close` rejects with it. */
  scriptError: unknown;
  readonly #script: (request: RequestRecord) => Reply | Promise<Reply>;
  readonly #keep: { readonly requests: number; readonly bodyBytes: number };

  constructor(
    memory: Memory,
    script: (request: RequestRecord) => Reply | Promise<Reply>,
    decideAt: "headers" | "body",
    keep: { readonly requests: number; readonly bodyBytes: number },
  ) {
    this.memory = memory;
    this.#script = script;
    this.decideAt = decideAt;
    this.#keep = keep;
  }

  /** A new request; `leave` says when it is over, whoever ended it. */
  arrive(
    facts: Omit<ConstructorParameters<typeof RequestRecord>[0], "number" | "connection">,
    connection: Connection,
    over: Promise<void>,
  ): RequestRecord {
    const { memory } = this;
    memory.inProgress.enter();
    connection.requests.enter();
    const record = new RequestRecord(
      { ...facts, number: memory.inProgress.ever, connection },
      this.#keep.bodyBytes,
    );
    if (memory.requests.length < this.#keep.requests) memory.requests.push(record);
    void over.then(() => {
      memory.inProgress.leave();
      connection.requests.leave();
      if (record.state === "arriving" || record.state === "answering") record.state = "left";
      memory.changed();
    });
    memory.changed();
    return record;
  }

  /** Asks the script and plays what it says; a script that throws becomes a 500 and fails the server's `close`. */
  async answer(stage: Stage): Promise<void> {
    stage.record.state = "answering";
    this.memory.changed();
    let reply: Reply;
    try {
      reply = await this.#script(stage.record);
      await play(stage, reply);
    } catch (error) {
      this.scriptError ??= error;
      await play(stage, { status: 500, body: `the script failed: ${error}` }).catch(() =>
        stage.connection.destroy(),
      );
    }
    this.memory.changed();
  }
}
