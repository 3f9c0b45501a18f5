/** The room's fixed numbers in one place; times are milliseconds, sizes bytes. What a user may set has its default here too. */
export const limits = {
  /** Sockets of one HTTP/1.1 origin, unless `connections` says otherwise. */
  h1Sockets: 256,
  /** Sessions of one HTTP/2 origin, unless `connections` says otherwise. */
  h2Sessions: 32,
  /** Calls on one session, however many more its server allows: one broken session must not take all with it. */
  streamsPerSession: 100,
  /** Connects of one pool at once. Until the protocol is known one tells whether hundreds are needed or one. */
  connectingUnknown: 1,
  connectingH1: 32,
  connectingH2: 4,
  /** How long one address of a name may take before the next is tried as well; Node's 250 ms cuts slow networks off. */
  addressAttempt: 2_500,
  /** Idle life of an HTTP/1.1 socket; a server's Keep-Alive hint less the margin replaces it. */
  h1Idle: 4_000,
  h1IdleMost: 300_000,
  keepAliveMargin: 2_000,
  h2Idle: 300_000,
  /** How long a session may owe the answer to a PING. */
  pingAnswer: 5_000,
  /** A reused socket that dies this soon after a request was written had been closed by the server before. */
  staleWithin: 1_000,
  /** After "done" the rest of an answer is read this long and this far, because a socket kept is a handshake saved. */
  tailWait: 250,
  tailBytes: 65_536,
  /** A session's memory in megabytes: hundreds of large bodies wait there for the server's windows. */
  sessionMemory: 4_096,
  /** Receive windows. Answers go straight to their readers, so the windows need not hold anything back. */
  streamWindow: 1 << 20,
  sessionWindow: 1 << 24,
  headerBytes: 65_536,
  /** Largest answer body. */
  bodyBytes: 1 << 28,
  /** Calls that may wait for a socket in one pool. */
  waiting: 100_000,
  /** Pause before connecting again after a failure, doubled up to the most. */
  pause: 100,
  pauseMost: 5_000,
  /** A pool without any socket gives up this long after descriptors or ports ran out. */
  shortageMost: 120_000,
  /** Between two steps by which a shrunken process-wide cap grows again. */
  recovery: 1_000,
  /** Between two log lines of one kind. */
  logEvery: 60_000,
  /** How long an answer of the name service is used again. */
  lookupAge: 10_000,
} as const;
