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
export { SimulatedModel, simulatedDriver, simulatedModel } from "../drivers/simulated.ts";
export type { DriverCase, DriverUnderTest, Situation } from "./contract/cases.ts";
export { type DriverContractOptions, driverContract, type Runner } from "./driver-contract.ts";
export { FakeClock, seededRandom } from "./fake-clock.ts";
export { replies } from "./faulty/replies.ts";
export type { End, Goaway, Piece, Reply, Script } from "./faulty/reply.ts";
export type { Seen, SeenConnection, SeenRequest } from "./faulty/seen.ts";
export {
  type ConnectionFate,
  type FaultyServer,
  type FaultyServerOptions,
  faultyServer,
} from "./faulty-server.ts";
export { type Gate, gate } from "./gate.ts";
export {
  type DriverScript,
  type ScriptedCall,
  type ScriptedDriver,
  type ScriptedDriverOptions,
  type ScriptedStep,
  scriptedDriver,
} from "./scripted-driver.ts";
export { type SelfSigned, selfSigned } from "./self-signed.ts";
export {
  type SimulatedProvider,
  type SimulatedProviderOptions,
  type SimulatedProviderStats,
  simulatedProvider,
} from "./simulated-provider.ts";
export { type ProviderProcess, startProvider } from "./start-provider.ts";
export type { Counter } from "./tally.ts";
