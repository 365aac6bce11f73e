import { createClient, ErrorReply } from 'redis'
import type { RedisAddress } from './redis-address.js'

/** How long a connection may take to be made, and a command to be answered, in milliseconds. */
const answerMs = 3000
/** How often it is looked whether an answer is overdue, in milliseconds. */
const lookMs = 250

/** What a command answers. */
export type Reply = string | number | null | readonly Reply[]

/** A command and its arguments. */
export type Command = readonly (string | Buffer)[]

type Client = ReturnType<typeof newClient>

/**
 * One connection to Redis, from when it is made to when it is lost. It never comes back by itself and
 * sends nothing twice: whoever has it makes a new one, and has to know what became of the commands
 * that were under way.
 */
export class RedisConnection {
  readonly #client: Client
  readonly #look: NodeJS.Timeout
  readonly #closed: Promise<Error>
  #tellClosed!: (reason: Error) => void
  #lost: Error | undefined
  /** Commands that are to be answered soon, and since when the next answer is awaited. */
  #awaited = 0
  #awaitedSince = 0

  private constructor(client: Client) {
    this.#client = client
    this.#closed = new Promise((resolve) => (this.#tellClosed = resolve))
    this.#look = setInterval(() => {
      if (this.#awaited > 0 && performance.now() - this.#awaitedSince > answerMs) {
        this.destroy(new Error('it does not answer'))
      }
    }, lookMs).unref()
  }

  /**
   * Connects and logs in.
   *
   * @param signal ends the connection, also one that is only being made.
   * @throws the error of the socket, or what the server answered (`ErrorReply`).
   */
  static async open(address: RedisAddress, signal?: AbortSignal): Promise<RedisConnection> {
    const client = newClient(address)
    const connection = new RedisConnection(client)
    const abort = (): void => {
      connection.destroy()
    }
    signal?.addEventListener('abort', abort)
    void connection.closed.then(() => signal?.removeEventListener('abort', abort))
    client.on('error', (error: Error) => {
      connection.destroy(error)
    })
    client.on('end', () => {
      connection.destroy(new Error('it closed the connection'))
    })
    const connected = client.connect().then(() => undefined)
    // With a server that takes connections and says nothing, the client would wait for ever.
    const late = setTimeout(() => {
      const hint = address.tls ? ' (does it speak TLS, as rediss:// asks for?)' : ''
      connection.destroy(new Error(`it does not answer${hint}`))
    }, answerMs)
    try {
      const error = await Promise.race([connected, connection.closed])
      if (error !== undefined) throw error
      return connection
    } catch (error) {
      connected.catch(() => {
        // Told by what it was raced with.
      })
      connection.destroy(error as Error)
      throw error
    } finally {
      clearTimeout(late)
    }
  }

  /** Resolves, with why, once the connection is lost or destroyed. */
  get closed(): Promise<Error> {
    return this.#closed
  }

  /**
   * Sends a command. What was sent in one turn of the event loop goes out as one write.
   *
   * @param patient whether it may wait in the server, as a blocking read does.
   * @throws ErrorReply when the server refuses it; any other error means that the connection was
   * lost, and that the command may have been executed or not.
   */
  async send(command: Command, patient = false): Promise<Reply> {
    if (this.#lost !== undefined) throw this.#lost
    if (!patient && this.#awaited++ === 0) this.#awaitedSince = performance.now()
    try {
      return await this.#client.sendCommand<Reply>(command)
    } catch (error) {
      throw error instanceof ErrorReply ? error : this.#whyLost(error)
    } finally {
      if (!patient) {
        this.#awaited--
        this.#awaitedSince = performance.now()
      }
    }
  }

  /** The client says of a command only that it came to nothing. */
  #whyLost(error: unknown): Error {
    return this.#lost ?? (error as Error)
  }

  /** Listens to a channel. From then on the connection takes no other commands. */
  async subscribe(channel: string, listener: (message: string) => void): Promise<void> {
    await this.#client.subscribe(channel, listener)
  }

  /** Ends the connection at once. Commands under way are rejected; Redis may execute them all the same. */
  destroy(reason = new Error('the connection was ended')): void {
    if (this.#lost !== undefined) return
    this.#lost = reason
    clearInterval(this.#look)
    this.#client.destroy()
    this.#tellClosed(reason)
  }
}

function newClient({ host, port, tls, username, password, database }: RedisAddress) {
  return createClient({
    RESP: 2,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    database,
    socket: {
      host,
      port,
      connectTimeout: answerMs,
      reconnectStrategy: false,
      ...(tls ? { tls: true as const } : {}),
    },
    disableOfflineQueue: true,
    maintNotifications: 'disabled',
    name: 'ringcast',
  })
}

export { ErrorReply }
