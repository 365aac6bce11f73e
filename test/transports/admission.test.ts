import { createServer } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import t from 'tap'
import { admitInTurns } from '../../dist/transports/admission.js'
import { noteSecureSockets } from '../../dist/transports/secure-sockets.js'

t.test(
  'it holds up the server alone, and so comes before who else listens to connections',
  async (t) => {
    for (const server of [createServer(), createSecureServer()]) {
      const [own] = server.listeners('connection')
      admitInTurns(server)
      noteSecureSockets(server)
      t.equal(server.listeners('connection').length, 2)
      t.notOk(server.listeners('connection').includes(own!), 'it serves by turns alone')
      t.throws(() => {
        admitInTurns(server)
      }, /only the server itself may listen/)
    }
  },
)
