# Backups, and the rehearsal of a restore. It belongs to the template, as mk/slipway.mk does, which includes it.
# DATABASE_URL says which database: docs/dr/backup-and-restore.md.

BACKUP ?=
DATABASE ?=
FOLDER ?=
SECONDS_ALLOWED ?=

.PHONY: backup
backup: ## write a copy of the database, checked, into FOLDER (tmp/backup)
	@bin/backup $(if $(FOLDER),-o "$(FOLDER)")

.PHONY: restore
restore: ## restore into an empty database: make restore BACKUP=tmp/backup/NAME DATABASE=orders_restored
	@$(call need,BACKUP,a folder that make backup wrote)
	@$(call need,DATABASE,the name of a database that is empty or not there)
	@bin/restore -b "$(BACKUP)" -d "$(DATABASE)" $(if $(ENVIRONMENT),-e "$(ENVIRONMENT)") $(agreed)

.PHONY: drill
drill: build ## rehearse a restore and write down how long it took: make drill [BACKUP=tmp/backup/NAME]
	@bin/drill $(if $(BACKUP),-b "$(BACKUP)") $(if $(SECONDS_ALLOWED),-t "$(SECONDS_ALLOWED)") $(agreed)
