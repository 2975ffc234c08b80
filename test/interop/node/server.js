// A node-coap server as a peer of the interop tests.
// usage: node server.js PORT [ADDRESS [GROUP INTERFACE_ADDRESS]]
// SPDX-License-Identifier: MIT
'use strict'
const coap = require('coap')

const [port, address, group, interfaceAddress] = process.argv.slice(2)

const links = '</text>;rt="text";ct=0,</bulk>;ct=42,</counter>;obs,</slow>,</.well-known/core>;ct=40'
const stored = new Map()      // path -> body, by PUT
const observers = new Map()   // peer -> stream of notifications
let items = 0                 // made by POST

function peerOf (request) {
  return `${request.rsinfo.address}:${request.rsinfo.port}`
}

function answer (response, code, body, contentFormat) {
  response.code = code
  if (contentFormat !== undefined) {
    response.setOption('Content-Format', contentFormat)
  }
  response.end(body)
}

// Notifies every 40 ms with "count 0", "count 1", ... until the observer goes.
function observe (request, response) {
  const peer = peerOf(request)
  let count = 0
  response.statusCode = '2.05'
  response.setOption('Content-Format', 'text/plain')
  response.write(`count ${count++}`)
  const timer = setInterval(() => response.write(`count ${count++}`), 40)
  response.on('finish', () => {
    clearInterval(timer)
    observers.delete(peer)
  })
  observers.set(peer, response)
}

function counter (request, response) {
  if (request.method !== 'GET') {
    answer(response, '4.05')
  } else if (request.headers.Observe === 0) {
    observe(request, response)
  } else {
    const old = observers.get(peerOf(request))
    if (request.headers.Observe === 1 && old !== undefined) {
      old.end()
    }
    answer(response, '2.05', 'not observed', 'text/plain')
  }
}

function store (path, request, response) {
  if (request.method === 'PUT') {
    const code = stored.has(path) ? '2.04' : '2.01'
    stored.set(path, Buffer.from(request.payload))
    answer(response, code)
  } else if (request.method === 'GET' && stored.has(path)) {
    answer(response, '2.05', stored.get(path), 'application/octet-stream')
  } else if (request.method === 'DELETE') {
    stored.delete(path)
    answer(response, '2.02')
  } else {
    answer(response, '4.04')
  }
}

// FNV-1a of a stored body, in decimal digits: a check of an upload that need not bring the body back.
function digest (path, response) {
  let hash = 2166136261
  for (const byte of stored.get(path) ?? []) {
    hash = Math.imul(hash ^ byte, 16777619) >>> 0
  }
  answer(response, '2.05', String(hash), 'text/plain')
}

function makeItem (request, response) {
  items++
  response.setOption('Location-Path', [Buffer.from('items'), Buffer.from(String(items))])
  answer(response, '2.01', request.payload)
}

const getOnly = {
  '/text': (request, response) => answer(response, '2.05', 'hello from node', 'text/plain'),
  '/.well-known/core': (request, response) => answer(response, '2.05', links, 'application/link-format'),
  '/observers': (request, response) => answer(response, '2.05', String(observers.size), 'text/plain'),
  '/slow': (request, response) => setTimeout(() => answer(response, '2.05', 'done', 'text/plain'), 200),
  '/broken': (request, response) => answer(response, '5.00', 'on purpose', 'text/plain')
}

const server = coap.createServer({
  type: address !== undefined && address.includes(':') ? 'udp6' : 'udp4',
  multicastAddress: group,
  multicastInterface: interfaceAddress
}, (request, response) => {
  const path = request.url.split('?')[0]
  response.on('error', (error) => console.error('response:', error.message))
  if (path === '/counter') {
    counter(request, response)
  } else if (path === '/items' && request.method === 'POST') {
    makeItem(request, response)
  } else if (path.startsWith('/digest/')) {
    digest(path.slice('/digest'.length), response)
  } else if (path in getOnly) {
    if (request.method === 'GET') {
      getOnly[path](request, response)
    } else {
      answer(response, '4.05')
    }
  } else {
    store(path, request, response)
  }
})
server.on('error', (error) => console.error('server:', error.message))
server.listen(Number(port), address, () => console.log('listening'))
