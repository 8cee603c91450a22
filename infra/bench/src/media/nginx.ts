import { execFile, spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { guardChild } from '@platform/local/guard.ts'
import { endChild, whenEnded } from '@platform/local/running.ts'

/** Returns true where nginx is installed. */
export async function hasNginx(): Promise<boolean> {
  return promisify(execFile)('nginx', ['-v']).then(
    () => true,
    () => false,
  )
}

/** Starts nginx with one worker, as the other side has one process, and with sendfile. */
export function startNginx({
  folder,
  root,
  port,
}: {
  folder: string
  root: string
  port: number
}): () => Promise<void> {
  mkdirSync(join(folder, 'logs'), { recursive: true })
  const file = join(folder, 'nginx.conf')
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder};`)
  writeFileSync(
    file,
    `daemon off; worker_processes 1; pid ${join(folder, 'nginx.pid')}; error_log ${join(folder, 'error.log')};
     ${process.getuid?.() === 0 ? 'user root;' : ''}
     events { worker_connections 256; }
     http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; ${temporary.join(' ')}
       server { listen 127.0.0.1:${port}; root ${root}; } }`,
  )
  const child = spawn('nginx', ['-c', file, '-p', folder, '-e', join(folder, 'error.log')], { stdio: 'ignore' })
  guardChild(child)
  const ended = whenEnded(child)
  return () => endChild(child, ended, { signal: 'SIGTERM', graceMs: 5_000 })
}
