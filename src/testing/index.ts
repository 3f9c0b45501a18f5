export { FakeClock, seededRandom } from "./fake-clock.ts";
export { replies } from "./faulty/replies.ts";
export type { End, Goaway, Piece, Reply, Script } from "./faulty/reply.ts";
export type { Counter, Seen, SeenConnection, SeenRequest } from "./faulty/seen.ts";
export {
  type ConnectionFate,
  type FaultyServer,
  type FaultyServerOptions,
  faultyServer,
} from "./faulty-server.ts";
export { type Gate, gate } from "./gate.ts";
export { type SelfSigned, selfSigned } from "./self-signed.ts";
