import { createHash } from 'node:crypto'
import { ErrorReply, type Reply, type RedisConnection } from './connection.js'

/** A Lua script, which Redis executes as one step. It is sent whole only where Redis has it not yet. */
export class Script {
  readonly #source: string
  readonly #digest: string

  constructor(source: string) {
    this.#source = source
    this.#digest = createHash('sha1').update(source).digest('hex')
  }

  /**
   * Runs it, with arguments and no keys: it makes their names itself.
   *
   * @throws as `RedisConnection.send`.
   */
  async run(connection: RedisConnection, args: readonly (string | Buffer)[]): Promise<Reply> {
    try {
      return await connection.send(['EVALSHA', this.#digest, '0', ...args])
    } catch (error) {
      if (!(error instanceof ErrorReply) || !error.message.startsWith('NOSCRIPT')) throw error
      // Nothing of it was executed.
      return connection.send(['EVAL', this.#source, '0', ...args])
    }
  }
}
