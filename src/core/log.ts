/** Where the library's few log lines go. `console`, pino and winston fit as they are. */
export interface Logger {
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
}

/** The default: nothing is printed unless a logger is given. */
export const silent: Logger = { debug() {}, info() {}, warn() {} };
