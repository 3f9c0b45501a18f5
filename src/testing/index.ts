/**
 * What trunkline's own tests use, for the tests of those who build on it: time that moves by hand, servers and
 * drivers that fail as they are told to, a provider that is not there, and the contract of a driver as a suite.
 * Nothing here needs a test runner.
 */

/** A simulated model, as a value and as a driver. */
export type { Entry, Soon, Store, StoreStats } from "../cache/store.ts";
export type {
  Limits,
  PrefixCacheOptions,
  Question,
  Refusal,
  SimulatedAnswer,
  SimulatedChoice,
  SimulatedDriverOptions,
  SimulatedModelOptions,
  SimulatedStats,
} from "../drivers/simulated.ts";
export { isRefusal, SimulatedModel, simulatedDriver, simulatedModel } from "../drivers/simulated.ts";
export type { DriverCase, DriverUnderTest, Situation } from "./contract/cases.ts";
/** The contract of a driver. */
export type { StoreCase, StoreUnderTest } from "./contract/store-cases.ts";
export { type DriverContractOptions, driverContract, type Runner } from "./driver-contract.ts";
/** Time and chance by hand. */
export { FakeClock, seededRandom } from "./fake-clock.ts";
export { replies } from "./faulty/replies.ts";
/** A server that fails as it is told to. */
export type { End, Goaway, Piece, Reply, Script } from "./faulty/reply.ts";
export type { Seen, SeenConnection, SeenRequest } from "./faulty/seen.ts";
export {
  type ConnectionFate,
  type FaultyServer,
  type FaultyServerOptions,
  faultyServer,
} from "./faulty-server.ts";
export { type Gate, gate } from "./gate.ts";
/** A driver that says what a test wrote. */
export {
  type DriverScript,
  type ScriptedCall,
  type ScriptedDriver,
  type ScriptedDriverOptions,
  type ScriptedStep,
  scriptedDriver,
} from "./scripted-driver.ts";
/** An LM that answers a program's questions by field. */
export {
  type LMScript,
  type ScriptedAnswer,
  ScriptedLM,
  type ScriptedLMOptions,
  scriptedLM,
} from "./scripted-lm.ts";
export { type SelfSigned, selfSigned } from "./self-signed.ts";
/** A provider over real sockets, here or in a process of its own. */
export {
  type SimulatedProvider,
  type SimulatedProviderOptions,
  type SimulatedProviderStats,
  simulatedProvider,
} from "./simulated-provider.ts";
export { type ProviderProcess, startProvider } from "./start-provider.ts";
export { type StoreContractOptions, storeContract } from "./store-contract.ts";
export type { Counter } from "./tally.ts";
