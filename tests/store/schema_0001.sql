BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE chunk (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	version_id INTEGER NOT NULL, 
	profile_id INTEGER NOT NULL, 
	ordinal BIGINT NOT NULL, 
	start BIGINT NOT NULL, 
	"end" BIGINT NOT NULL, 
	page BIGINT, 
	headings TEXT NOT NULL, 
	embedded_hash BLOB NOT NULL, 
	length BIGINT NOT NULL, 
	terms BLOB NOT NULL, 
	counts BLOB NOT NULL, 
	CONSTRAINT fk_chunk_profile_id FOREIGN KEY(profile_id) REFERENCES profile (id), 
	CONSTRAINT fk_chunk_version_id FOREIGN KEY(version_id) REFERENCES document_version (id), 
	CONSTRAINT uq_chunk_version_id_profile_id_ordinal UNIQUE (version_id, profile_id, ordinal)
);
INSERT INTO "chunk" VALUES(1,1,1,0,0,31,NULL,'["Apples"]',X'096CE53EBB23CE7821998B823EF1D6727FF6B50C719DAA8B253573E6B6963C09',3,X'0100000003000000',X'0200000001000000');
INSERT INTO "chunk" VALUES(2,2,1,0,0,18,NULL,'[]',X'D0B8CC42D4559EE2F022C3E26D3268FE7219D374F167883CECE07070C2A30208',2,X'0200000004000000',X'0100000001000000');
INSERT INTO "chunk" VALUES(3,3,1,0,0,37,NULL,'["Apples"]',X'4428E5E8371C32C285321E86D0B9979FEBD4EE406413615C53A06A2D997B0537',4,X'01000000020000000400000005000000',X'01000000010000000100000001000000');
INSERT INTO "chunk" VALUES(4,4,1,0,0,23,NULL,'[]',X'99A3DF3000616071E3944C0528A4DC53214281ADF98C965C97F1DAD1F59220AC',2,X'0100000006000000',X'0100000001000000');
INSERT INTO "chunk" VALUES(5,5,1,0,0,26,NULL,'[]',X'885E92CEDB224E3360D53906C8ECADCDB58E402E8DEDA7CE29A62FF8D44E5AE9',3,X'030000000700000008000000',X'010000000100000001000000');
CREATE TABLE chunking (
	version_id INTEGER NOT NULL, 
	profile_id INTEGER NOT NULL, 
	chunks BIGINT NOT NULL, 
	CONSTRAINT pk_chunking PRIMARY KEY (version_id, profile_id), 
	CONSTRAINT fk_chunking_profile_id FOREIGN KEY(profile_id) REFERENCES profile (id), 
	CONSTRAINT fk_chunking_version_id FOREIGN KEY(version_id) REFERENCES document_version (id)
);
INSERT INTO "chunking" VALUES(1,1,1);
INSERT INTO "chunking" VALUES(2,1,1);
INSERT INTO "chunking" VALUES(3,1,1);
INSERT INTO "chunking" VALUES(4,1,1);
INSERT INTO "chunking" VALUES(5,1,1);
CREATE TABLE "commit" (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	corpus_id BIGINT NOT NULL, 
	created_at TEXT NOT NULL, 
	principal TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	stats TEXT NOT NULL
);
INSERT INTO "commit" VALUES(1,1,'2026-11-21T05:56:25.638Z','local','ingest','{"added":2,"changed":0,"removed":0}');
INSERT INTO "commit" VALUES(2,1,'2026-11-21T05:56:25.742Z','local','ingest','{"added":1,"changed":1,"removed":0}');
INSERT INTO "commit" VALUES(3,1,'2026-11-21T05:56:25.800Z','local','ingest','{"added":0,"changed":0,"removed":1}');
INSERT INTO "commit" VALUES(4,4,'2026-11-21T05:56:25.908Z','local','ingest','{"added":1,"changed":0,"removed":0}');
INSERT INTO "commit" VALUES(6,5,'2026-11-21T05:56:26.020Z','local','delete','{}');
CREATE TABLE corpus (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	uid TEXT NOT NULL, 
	name TEXT NOT NULL, 
	created_at TEXT NOT NULL, 
	profile_id INTEGER NOT NULL, 
	owner TEXT NOT NULL, 
	tenant TEXT NOT NULL, 
	CONSTRAINT fk_corpus_profile_id FOREIGN KEY(profile_id) REFERENCES profile (id), 
	CONSTRAINT uq_corpus_name UNIQUE (name), 
	CONSTRAINT uq_corpus_uid UNIQUE (uid)
);
INSERT INTO "corpus" VALUES(1,'70da88b66e2a4a2ea29e5dd8b33d3301','c','2026-11-21T05:56:25.451Z',1,'local','default');
INSERT INTO "corpus" VALUES(4,'da61cf78aac44668be12a355ce706a13','other','2026-11-21T05:56:25.881Z',1,'local','default');
CREATE TABLE counter (
	name TEXT NOT NULL, 
	value BIGINT NOT NULL, 
	CONSTRAINT pk_counter PRIMARY KEY (name)
);
INSERT INTO "counter" VALUES('terms',1);
CREATE TABLE document_version (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	version TEXT NOT NULL, 
	title TEXT NOT NULL, 
	text_hash TEXT NOT NULL, 
	characters BIGINT NOT NULL, 
	media_type TEXT NOT NULL, 
	pages TEXT NOT NULL, 
	created_at TEXT NOT NULL, 
	text TEXT NOT NULL, 
	CONSTRAINT uq_document_version_version UNIQUE (version)
);
INSERT INTO "document_version" VALUES(1,'d26f8b36e1dc68188a66c1e13ed3377a','Apples','0e08a0e6988e2479f9616b309c5ce0cae146a649308cdd32a4cc8a13f87f21d8',32,'text/markdown','[]','2026-11-21T05:56:25.480Z','# Apples

An apple and a lemon.
');
INSERT INTO "document_version" VALUES(2,'95d36794482448647809a040ba617ddc','','36f95f1a5e298b746846b8dd66a54f76e6bda5fc87b1a994465efe2cf236b8a9',19,'text/markdown','[]','2026-11-21T05:56:25.480Z','A fig of the pear.
');
INSERT INTO "document_version" VALUES(3,'977915f4dae96f9c17995c1afceac771','Apples','cb23833da489276a0467143ef731250cc949933f206b121b2ef92182aef845e1',38,'text/markdown','[]','2026-11-21T05:56:25.713Z','# Apples

Only a pear now, and a fig.
');
INSERT INTO "document_version" VALUES(4,'e017b9280bfef81056c9a9e6d54b1c4b','','5deaf52c53c21d2b9c0fe0a5ca5913254e6ba04550644bf3446e18d2ae2c5ff1',24,'text/markdown','[]','2026-11-21T05:56:25.713Z','The plum and the apple.
');
INSERT INTO "document_version" VALUES(5,'e7ec6e79ee6cc2ebc7ef81635de3aec7','','885e92cedb224e3360d53906c8ecadcdb58e402e8deda7ce29a62ff8d44e5ae9',26,'text/plain','[]','2026-11-21T05:56:25.891Z','A lemon of another corpus.');
CREATE TABLE field (
	membership_id INTEGER NOT NULL, 
	corpus_id BIGINT NOT NULL, 
	name TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	text TEXT, 
	number FLOAT, 
	CONSTRAINT fk_field_membership_id FOREIGN KEY(membership_id) REFERENCES membership (id)
);
INSERT INTO "field" VALUES(1,1,'lang','s','en',NULL);
INSERT INTO "field" VALUES(3,1,'lang','s','de',NULL);
CREATE TABLE job (
	number INTEGER NOT NULL, 
	id TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	corpus TEXT NOT NULL, 
	state TEXT NOT NULL, 
	done BIGINT NOT NULL, 
	total BIGINT NOT NULL, 
	unit TEXT NOT NULL, 
	payload TEXT NOT NULL, 
	result TEXT, 
	error TEXT, 
	owner TEXT NOT NULL, 
	tenant TEXT NOT NULL, 
	created_at TEXT NOT NULL, 
	updated_at TEXT NOT NULL, 
	pid BIGINT, 
	cancel_requested BIGINT NOT NULL, 
	CONSTRAINT pk_job PRIMARY KEY (number), 
	CONSTRAINT uq_job_id UNIQUE (id)
);
CREATE TABLE membership (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	corpus_id INTEGER NOT NULL, 
	document_id TEXT NOT NULL, 
	version_id INTEGER NOT NULL, 
	born BIGINT NOT NULL, 
	died BIGINT, 
	title TEXT NOT NULL, 
	media_type TEXT NOT NULL, 
	source TEXT NOT NULL, 
	origin TEXT NOT NULL, 
	root TEXT NOT NULL, 
	owner TEXT NOT NULL, 
	ingested_at TEXT NOT NULL, 
	metadata TEXT NOT NULL, 
	CONSTRAINT fk_membership_corpus_id FOREIGN KEY(corpus_id) REFERENCES corpus (id), 
	CONSTRAINT fk_membership_version_id FOREIGN KEY(version_id) REFERENCES document_version (id)
);
INSERT INTO "membership" VALUES(1,1,'docs/a.md',1,1,2,'Apples','text/markdown','/srv/docs/a.md','docs/a.md','docs','local','2026-11-21T05:56:25.645Z','{"lang":"en"}');
INSERT INTO "membership" VALUES(2,1,'docs/b.md',2,1,3,'b.md','text/markdown','/srv/docs/b.md','docs/b.md','docs','local','2026-11-21T05:56:25.645Z','{}');
INSERT INTO "membership" VALUES(3,1,'docs/a.md',3,2,NULL,'Apples','text/markdown','/srv/docs/a.md','docs/a.md','docs','local','2026-11-21T05:56:25.753Z','{"lang":"de"}');
INSERT INTO "membership" VALUES(4,1,'docs/c.md',4,2,NULL,'c.md','text/markdown','/srv/docs/c.md','docs/c.md','docs','local','2026-11-21T05:56:25.753Z','{}');
INSERT INTO "membership" VALUES(5,4,'x',5,4,NULL,'x','text/plain','upload','upload','','local','2026-11-21T05:56:25.909Z','{}');
CREATE TABLE parse_cache (
	digest TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	parser TEXT NOT NULL, 
	version_id INTEGER, 
	metadata TEXT NOT NULL, 
	code TEXT NOT NULL, 
	error TEXT NOT NULL, 
	CONSTRAINT pk_parse_cache PRIMARY KEY (digest, kind, parser), 
	CONSTRAINT fk_parse_cache_version_id FOREIGN KEY(version_id) REFERENCES document_version (id)
);
INSERT INTO "parse_cache" VALUES('5cee55cf54009cbb873558ec8353a1da87d1706957e1b3e43b4e4e3994c2e2fa','md','ragsvc-2+kreuzberg-4.10.4+ocr-none',1,'{"lang":"en"}','','');
INSERT INTO "parse_cache" VALUES('36f95f1a5e298b746846b8dd66a54f76e6bda5fc87b1a994465efe2cf236b8a9','md','ragsvc-2+kreuzberg-4.10.4+ocr-none',2,'{}','','');
INSERT INTO "parse_cache" VALUES('f62d368b165bf9a2d05c25c5f070082e29cca094f36e5a27cd4f956595177fd1','md','ragsvc-2+kreuzberg-4.10.4+ocr-none',3,'{"lang":"de"}','','');
INSERT INTO "parse_cache" VALUES('5deaf52c53c21d2b9c0fe0a5ca5913254e6ba04550644bf3446e18d2ae2c5ff1','md','ragsvc-2+kreuzberg-4.10.4+ocr-none',4,'{}','','');
INSERT INTO "parse_cache" VALUES('479a53ce686e9d256b27bdb316803ac3101267463c4d243a2f8fe71e2cdcaccc','inline','text-1',5,'{}','','');
CREATE TABLE profile (
	id INTEGER NOT NULL, 
	fingerprint TEXT NOT NULL, 
	embedder_fingerprint TEXT NOT NULL, 
	spec TEXT NOT NULL, 
	CONSTRAINT pk_profile PRIMARY KEY (id), 
	CONSTRAINT uq_profile_fingerprint UNIQUE (fingerprint)
);
INSERT INTO "profile" VALUES(1,'976c444be20cfc37db60117bb7ac4564a766a7f0b0a0fcba16fff0274beaf4b5','f37f82288ad4be20b123abf5a1dda3d964737a6335e9f6dba6df6a7a495e0aa4','{"analyser":"standard-1","chunker":{"header_tokens":32,"overlap_tokens":0,"size_tokens":24,"version":"1"},"embedder":{"backend":"none","dimension":32,"document_prefix":"","dtype":"float32","max_tokens":256,"name":"hash","pooling":"mean","query_prefix":"","weights":"hash"}}');
CREATE TABLE root (
	corpus_id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	path TEXT NOT NULL, 
	CONSTRAINT pk_root PRIMARY KEY (corpus_id, name), 
	CONSTRAINT fk_root_corpus_id FOREIGN KEY(corpus_id) REFERENCES corpus (id)
);
INSERT INTO "root" VALUES(1,'docs','/srv/docs');
CREATE TABLE term (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	term TEXT NOT NULL, 
	CONSTRAINT uq_term_term UNIQUE (term)
);
INSERT INTO "term" VALUES(1,'appl');
INSERT INTO "term" VALUES(2,'fig');
INSERT INTO "term" VALUES(3,'lemon');
INSERT INTO "term" VALUES(4,'pear');
INSERT INTO "term" VALUES(5,'now');
INSERT INTO "term" VALUES(6,'plum');
INSERT INTO "term" VALUES(7,'anoth');
INSERT INTO "term" VALUES(8,'corpus');
CREATE TABLE vector (
	id INTEGER NOT NULL, 
	embedder TEXT NOT NULL, 
	hash BLOB NOT NULL, 
	data BLOB NOT NULL, 
	CONSTRAINT pk_vector PRIMARY KEY (id), 
	CONSTRAINT uq_vector_embedder_hash UNIQUE (embedder, hash)
);
INSERT INTO "vector" VALUES(1,'f37f82288ad4be20b123abf5a1dda3d964737a6335e9f6dba6df6a7a495e0aa4',X'D0B8CC42D4559EE2F022C3E26D3268FE7219D374F167883CECE07070C2A30208',X'A92720BE952D96BDEFBA21BDB6CE2DBE539E683E474683BD354D0EBE8435363EA7D8F7BC72E49FBE040FF7BEDA18B9BE0065EEBD34FFFABD27FFB6BE16AEA03D225419BD89871D3D0C0A52BCFB5F85BDD01B343E0E5A0F3E8B89473DB17CC6BDF1BB363D2BA93FBEF3BD60BD4C4AD73DD46C063A354D0E3EF60D1E3E92DD583E');
INSERT INTO "vector" VALUES(2,'f37f82288ad4be20b123abf5a1dda3d964737a6335e9f6dba6df6a7a495e0aa4',X'096CE53EBB23CE7821998B823EF1D6727FF6B50C719DAA8B253573E6B6963C09',X'67E5EF3C7B817F3D4CDD1ABE75BC063C2BA2863EE1657B3D32E41BBEDC54C73E304480BECFFACCBDB54D09BF16895A3D9CC3C4BDB20621BE183027BECD3001BEA8F30EBD54BFCB3BCE84E1BD2483703E729F4E3E40DE313E9E6A91BD02A8C0BDD217853CEC64E4BCEE50BB3D22FEAE3D0B005DBDCE84E1BD22FEAE3D9DAF9B3E');
INSERT INTO "vector" VALUES(3,'f37f82288ad4be20b123abf5a1dda3d964737a6335e9f6dba6df6a7a495e0aa4',X'99A3DF3000616071E3944C0528A4DC53214281ADF98C965C97F1DAD1F59220AC',X'8507603E1400453EA7601ABEEC59DBBDE589FA3DF60E7B3EDD08D3BDEDA894BD05AF3CBEB249323E1DEAA1BE3425073DD9A062BDFF12D43C4D2B2FBE968C60BC9273A9BDCB9E13BD28D3B9BE83D3E7BDE94024BD4BF7B6BB6999C73A27B93DBE8BA3C83DA945D9BDB8E59A3D701A6F3D7F6B773D05AF3C3E17FFFFBE8670953E');
INSERT INTO "vector" VALUES(4,'f37f82288ad4be20b123abf5a1dda3d964737a6335e9f6dba6df6a7a495e0aa4',X'4428E5E8371C32C285321E86D0B9979FEBD4EE406413615C53A06A2D997B0537',X'997EAEBC8734863DDD7DA4BDB1BB67BD17769B3E2F27123D6E2DE7BBCA4EC93EEB2454BED9F578BE39E5A7BE3E6A8BBE57438E3A4E39C7BD5B7511BE4C1483BE2D63BC3D5DC529BEE452A0BD0365D53DD5C6BD3D76580B3EFB3CF9BDEA45B1BEB81FEEBD3E6A8BBE7DB9493D9B42043D85E1A5BDC047CA3DEEE5E13D7F7D1F3E');
INSERT INTO "vector" VALUES(5,'f37f82288ad4be20b123abf5a1dda3d964737a6335e9f6dba6df6a7a495e0aa4',X'885E92CEDB224E3360D53906C8ECADCDB58E402E8DEDA7CE29A62FF8D44E5AE9',X'98F17BBE696D873D3ED106BEEC80793E9354BE3CEA41093E90F670BE96FDC1BD7168123CA7AE84BE332795BE97B20B3E497515BE1529403E96FDC1BD5A6B2BBEE5EF013E87B6923E3B28033ED996A93DE43AB83DFEE0223EDE33673EA44A543D9EFEAF3E2FCFAABC79AE53BE26D49FBD7EBB873E48C0CBBD12803C3E4975153E');
CREATE INDEX ix_commit_corpus_id_id ON "commit" (corpus_id, id);
CREATE INDEX ix_job_corpus ON job (corpus);
CREATE INDEX ix_job_state ON job (state);
CREATE INDEX ix_chunk_embedded_hash ON chunk (embedded_hash);
CREATE INDEX ix_parse_cache_version_id ON parse_cache (version_id);
CREATE INDEX ix_membership_corpus_id_born ON membership (corpus_id, born);
CREATE INDEX ix_membership_corpus_id_died_document_id ON membership (corpus_id, died, document_id);
CREATE INDEX ix_membership_corpus_id_document_id ON membership (corpus_id, document_id);
CREATE INDEX ix_membership_version_id_corpus_id_born_died ON membership (version_id, corpus_id, born, died);
CREATE UNIQUE INDEX uq_membership_live ON membership (corpus_id, document_id) WHERE died IS NULL;
CREATE INDEX ix_field_corpus_id_name_kind_number ON field (corpus_id, name, kind, number);
CREATE INDEX ix_field_corpus_id_name_kind_text ON field (corpus_id, name, kind, text);
CREATE INDEX ix_field_membership_id_name ON field (membership_id, name);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('corpus',5);
INSERT INTO "sqlite_sequence" VALUES('document_version',6);
INSERT INTO "sqlite_sequence" VALUES('term',9);
INSERT INTO "sqlite_sequence" VALUES('chunk',6);
INSERT INTO "sqlite_sequence" VALUES('commit',6);
INSERT INTO "sqlite_sequence" VALUES('membership',6);
COMMIT;
