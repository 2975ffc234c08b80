// A node-coap client as a peer of the interop tests. What it hears goes to stdout, a line for each event; bodies go to stdout as they
// are. Every mode ends by itself.
// usage: node client.js get|non|delete URI | put|post|fetch URI TEXT | sizes URI SIZE... | observe URI COUNT |
//        multicast GROUP PORT PATH MILLISECONDS
// SPDX-License-Identifier: MIT
'use strict'
const crypto = require('crypto')
const coap = require('coap')

const [mode, ...rest] = process.argv.slice(2)

function fail (error) {
  console.log(`failed: ${error.message}`)
  process.exit(1)
}

function options (uri, more) {
  const url = new URL(uri)
  return Object.assign({
    agent: new coap.Agent({ type: 'udp4' }), // one of its own: an agent closes with its last response
    hostname: url.hostname,
    port: Number(url.port || 5683),
    pathname: url.pathname,
    query: url.search.slice(1)
  }, more)
}

function ask (uri, more, done, payload, setup) {
  const request = coap.request(options(uri, more))
  if (setup !== undefined) {
    setup(request)
  }
  request.on('response', done)
  request.on('error', fail)
  request.end(payload)
}

// "SIZE CODE LENGTH SHA256" for a download in each block size.
function sizes (uri, list) {
  if (list.length === 0) {
    process.exit(0)
  }
  const size = Number(list[0])
  ask(uri, {}, (response) => {
    const hash = crypto.createHash('sha256').update(response.payload).digest('hex')
    console.log(`${size} ${response.code} ${response.payload.length} ${hash}`)
    sizes(uri, list.slice(1))
  }, undefined, (request) => {
    request.setOption('Block2', Buffer.of(Math.log2(size) - 4))
  })
}

// "notification N LENGTH FIRSTLINE", then it deregisters.
function observe (uri, count) {
  ask(uri, { observe: true }, (response) => {
    let heard = 0
    response.on('data', (data) => {
      console.log(`notification ${heard++} ${data.length} ${data.toString().split('\n')[0].slice(0, 40)}`)
      if (heard === count) {
        response.close()
        setTimeout(() => process.exit(0), 500)
      }
    })
  })
}

// "ADDRESS CODE LENGTH" for each answer.
function multicast (group, port, path, ms) {
  const [pathname, query] = path.split('?')
  const request = coap.request({ hostname: group, port, pathname, query, multicast: true, confirmable: false, multicastTimeout: ms })
  request.on('response', (response) => {
    console.log(`${response.rsinfo.address} ${response.code} ${response.payload.length}`)
  })
  request.on('error', fail)
  request.end()
  setTimeout(() => process.exit(0), ms)
}

function show (response) {
  console.log(`${response.code} ${response.payload}`)
  process.exit(0)
}

const modes = {
  get: (uri) => ask(uri, {}, show),
  non: (uri) => ask(uri, { confirmable: false }, show),
  put: (uri, text) => ask(uri, { method: 'PUT' }, show, text),
  post: (uri, text) => ask(uri, { method: 'POST' }, show, text),
  fetch: (uri, text) => ask(uri, { method: 'FETCH' }, show, text),
  delete: (uri) => ask(uri, { method: 'DELETE' }, show),
  sizes: (uri, ...list) => sizes(uri, list),
  observe: (uri, count) => observe(uri, Number(count)),
  multicast: (group, port, path, ms) => multicast(group, Number(port), path, Number(ms))
}

if (modes[mode] === undefined) {
  fail(new Error(`unknown mode ${mode}`))
}
modes[mode](...rest)
