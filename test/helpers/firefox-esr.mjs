#!/usr/bin/env node
// Firefox for Playwright, which speaks WebDriver BiDi to it and insists on a command that an ESR has not
// learnt yet. Runs the browser with the arguments given, and passes on all that goes between the two; but
// where Firefox says that it does not know how to override media features, that counts as done.
// BROWSER=/usr/bin/firefox-esr firefox-esr.mjs ARGUMENTS
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import WebSocket, { WebSocketServer } from 'ws'

const dispensable = 'emulation.setMediaFeaturesOverride'

const firefox = spawn(process.env.BROWSER, process.argv.slice(2), {
  stdio: ['ignore', 'inherit', 'pipe'],
})
firefox.on('exit', (code) => process.exit(code ?? 1))
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => firefox.kill(signal))

createInterface(firefox.stderr).on('line', (line) => {
  const address = /WebDriver BiDi listening on (ws:.*)/.exec(line)?.[1]
  if (address === undefined) process.stderr.write(`${line}\n`)
  else listen(address)
})

function listen(address) {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 })
  server.on('connection', (near, { url }) => relay(near, new WebSocket(`${address}${url}`)))
  server.on('listening', () => {
    process.stderr.write(`WebDriver BiDi listening on ws://127.0.0.1:${server.address().port}\n`)
  })
}

function relay(near, far) {
  const ignored = new Set()
  const open = new Promise((resolve) => far.once('open', resolve))
  near.on('message', async (bytes) => {
    const { id, method } = JSON.parse(bytes)
    if (method === dispensable) ignored.add(id)
    await open
    far.send(String(bytes))
  })
  far.on('message', (bytes) => {
    const { id, error } = JSON.parse(bytes)
    const isDone = ignored.delete(id) && error === 'unknown command'
    near.send(isDone ? JSON.stringify({ type: 'success', id, result: {} }) : String(bytes))
  })
  near.on('close', () => far.close())
  far.on('close', () => near.close())
}
