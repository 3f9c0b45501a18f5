import { Socket } from "node:net";

/** Counts the connections that this process makes, whoever makes them, by looking at every socket that connects. */
export class SocketMeter {
  opened = 0;
  open = 0;
  atOnce = 0;

  constructor() {
    const connect = Socket.prototype.connect;
    const connected = (): void => {
      this.opened++;
      this.open++;
      this.atOnce = Math.max(this.atOnce, this.open);
    };
    const closed = (): void => {
      this.open--;
    };
    Socket.prototype.connect = function (this: Socket, ...target: unknown[]): Socket {
      this.once("connect", () => {
        connected();
        this.once("close", closed);
      });
      return Reflect.apply(connect, this, target) as Socket;
    };
  }
}

/** The most memory that this process ever had resident, in bytes. */
export function peakMemory(): number {
  return process.resourceUsage().maxRSS * 1024;
}

/** Errors of the system that mean the process may open no more files or sockets. */
const outOfDescriptors = new Set(["EMFILE", "ENFILE"]);

/** A short name for why a call failed; the limit on descriptors is told apart wherever it hides in the causes. */
export function reasonOf(error: unknown): string {
  const codes = codesOf(error, 0);
  if (codes.some((code) => outOfDescriptors.has(code))) return "descriptor limit";
  return codes[0] ?? "unknown";
}

function codesOf(error: unknown, depth: number): string[] {
  if (typeof error !== "object" || error === null || depth > 5) return [];
  const { code, cause, errors } = error as { code?: unknown; cause?: unknown; errors?: unknown };
  const inner = [cause, ...(Array.isArray(errors) ? errors : [])];
  return [...(typeof code === "string" ? [code] : []), ...inner.flatMap((one) => codesOf(one, depth + 1))];
}
