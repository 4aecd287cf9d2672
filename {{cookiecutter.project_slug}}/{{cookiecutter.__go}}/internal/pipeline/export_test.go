package pipeline

func ServeOneDay(limits Limits, cents ...int64) ([]DailySummary, Counts, []Result) {
	counts := Counts{Read: int64(len(cents))}
	work := &transformer{quality: newQuality(), counts: &counts, sales: dailySales{days: map[int64]*DailySummary{}}}
	for i, one := range cents {
		work.take(sale{order: [16]byte{byte(i)}, line: int64(i + 1), cents: one})
	}
	work.close()
	return work.sales.summaries(), counts, work.quality.refused(counts, limits)
}
